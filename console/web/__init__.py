"""What the console process serves over HTTP."""
