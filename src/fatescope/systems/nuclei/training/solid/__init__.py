"""The network that draws nuclei in space, from what another one draws of planes."""
