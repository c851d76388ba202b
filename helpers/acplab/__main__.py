from acplab.app.cli import main

main()
