#include "harness/guest/host_transport.hpp"
