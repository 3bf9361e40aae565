"""Long runs that try to make the store break its promises; each has a control that must break them."""
