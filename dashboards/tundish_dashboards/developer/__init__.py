"""Apps on their way: the console of those who publish them, and the list of whoever reviews them."""
