#!/bin/sh
# nestbox: topology=trio from=host
