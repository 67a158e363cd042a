"""What all published recipes share: their settings, plan and origin."""
