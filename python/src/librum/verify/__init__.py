"""A second verifier, which shares no code with the nodes: numpy, cryptography and cbor2 alone.

``python -m librum.verify FILE`` checks a file of evidence that ``librum job export`` wrote; with ``--server`` it
checks what a running node gives. Its verdicts are those of ``librum verify``.
"""
