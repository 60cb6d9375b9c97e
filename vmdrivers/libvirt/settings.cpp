#include "vmdrivers/libvirt/settings.hpp"

#include <string_view>

namespace nestbox::libvirt {

Result<LibvirtSettings> read_settings(const Variables& variables, bool root) {
  const std::optional<std::string> given = variables("LIBVIRT_DEFAULT_URI");
  if (!given || given->empty())
    return LibvirtSettings{root ? "qemu:///system" : "qemu:///session", root};
  for (const std::string_view scheme : {"qemu:///", "qemu+unix:///"}) {
    if (!given->starts_with(scheme))
      continue;
    const std::string_view path = std::string_view(*given).substr(scheme.size());
    const std::string_view daemon = path.substr(0, path.find('?'));
    if (daemon == "system" || daemon == "session")
      return LibvirtSettings{*given, daemon == "system"};
  }
  return fail(ErrorCode::unsupported,
              "LIBVIRT_DEFAULT_URI is '" + *given + "', which is no QEMU of this host",
              "nestbox takes qemu:///system and qemu:///session");
}

}  // namespace nestbox::libvirt
