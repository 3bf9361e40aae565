"""The programme on a large screen: one view without scrolling, that says when it is stale."""
