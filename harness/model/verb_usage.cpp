#include "harness/model/verb_usage.hpp"

namespace nestbox {

const std::vector<VerbUsage>& verb_usages() {
  static const std::vector<VerbUsage> usages = {
      {"exec", "MACHINE[,MACHINE…] [--timeout T] [--cwd DIR] [--env K=V]… -- COMMAND…",
       "run a command, on several machines at once"},
      {"copy", "SRC DST", "copy a file or a folder; MACHINE[,MACHINE…]:/path is in a machine"},
      {"wait-for",
       "MACHINE[,MACHINE…] port N | unit NAME | file PATH | output TEXT [--timeout T] [-- "
       "COMMAND…]",
       "wait until it is so on each of them, 60 s at most unless told otherwise"},
      {"barrier", "NAME [--of MACHINE,…] [--timeout T]",
       "wait until every machine has come to it, 60 s at most unless told otherwise"},
      {"connect", "MACHINE", "its ssh server, on stdin and stdout: for ssh's ProxyCommand"},
      {"machines", "[--json]", "names, addresses and conditions"},
      {"net show", "[--json]", "links, their impairments, partitions"},
      {"net partition", "A,B '|' C [--network N]", "let frames pass within each group only"},
      {"net heal", "[--network N]", "end the partition"},
      {"net set", "LINK IMPAIRMENT…", "impair a link: latency=20ms jitter=2ms loss=10% …"},
      {"net reset", "LINK", "no impairment"},
      {"net up", "LINK", "let frames pass again, impaired as before"},
      {"net down", "LINK", "let no frame pass"},
      {"net capture", "LINK FILE", "write every frame of the link into a file (pcapng)"},
      {"net capture-stop", "LINK", "end the capture"},
      {"net counters", "[--json]", "frames and bytes of each link, and what was lost why"},
  };
  return usages;
}

}  // namespace nestbox
