"""What identifies the content of a file."""

from fatescope.base.files import sha256_of as sha256_of
