"""How each kind of part is made: Go programs, Debian root file systems, binaries in wheels, and images out of them."""
