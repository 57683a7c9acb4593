"""The door: who may talk to us, and how much. One file a concern; `app.web.gate` asks them in turn.

`framing` what is no proper request · `hosts` by which names we answer · `peers` whose connection it
is · `cors` which other sites may read · `credentials` who asks · `csrf` whose page a change comes
from · `buckets` how often · `guard` what an operation needs, and what it costs · `json_bounds` what
a body may be · `patience` how long a question may take.
"""
