"""The timeline as a picture: windows, lanes, bars and words, without the drawing."""
