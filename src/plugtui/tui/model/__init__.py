"""What the dashboard knows, without a screen: pure, fed with the control link's messages, tested by tables."""
