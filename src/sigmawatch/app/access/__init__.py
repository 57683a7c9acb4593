"""Access: who there is, what each may, who is asking, and what everybody did.

`Access` holds it all for one program; the door asks its `book`, which is in memory alone.
"""
