"""Programs in the style of real code."""
