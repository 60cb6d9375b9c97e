#include "harness/guest/agent_transport.hpp"
