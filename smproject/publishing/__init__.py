"""Publishing: what a catalogue is to look like, and how each target is brought to it.

`wanted` describes, from this repository and the options alone, what shall be there; `objects`, `versions` and
`tag_options` compare that with what there is, and say what to do; the targets do it.
"""
