"""Values that move on open pages: one stream a page, few threads for all of them."""
