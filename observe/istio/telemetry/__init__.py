"""What proxies are asked to report besides what they report anyway."""
