#!/bin/sh
# nestbox: markers=vm,slow timeout=2m environment=tiny isolation=machine
## nestbox: memory=1GiB cores=2 nested=true skip='a b' xfail="c"
