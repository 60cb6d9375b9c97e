# cmake -DAGENT=… -DOUTPUT=… -P embed.cmake: writes the source that holds the agent's bytes and their SHA-256.
file(SHA256 "${AGENT}" digest)
file(WRITE "${OUTPUT}" "#include \"harness/guest/agent_transport.hpp\"

asm(R\"(
  .section .rodata
  .balign 16
  .global nestbox_agent_begin
nestbox_agent_begin:
  .incbin \"${AGENT}\"
  .global nestbox_agent_end
nestbox_agent_end:
  .text
)\");

extern \"C\" const char nestbox_agent_begin[];
extern \"C\" const char nestbox_agent_end[];

namespace nestbox {

std::string_view agent_binary() {
  return {nestbox_agent_begin, static_cast<std::size_t>(nestbox_agent_end - nestbox_agent_begin)};
}

std::string_view agent_digest() { return \"${digest}\"; }

}  // namespace nestbox
")
