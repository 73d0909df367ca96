"""The Financial Conduct Authority: clocks of DISP, returns, publication and benchmarks."""
