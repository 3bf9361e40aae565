"""治污设施运行核查: production power beside pollution-control power."""
