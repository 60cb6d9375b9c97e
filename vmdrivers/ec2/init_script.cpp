#include "vmdrivers/ec2/init_script.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/base64.hpp"
#include "harness/base/hash.hpp"

namespace nestbox::ec2 {
namespace {

/// The first start of sshd makes its directory, with the access that it insists on. As long as its
/// port is blocked nobody is refused for a key that is not there yet; after that it is started by
/// this script alone, once the key of this launch is there. Groups are named by their SIDs: their
/// names are translated.
constexpr const char* k_windows_script = R"(<powershell>
shutdown.exe /s /f /t {0}
$port = @{{ Direction = 'Inbound'; Protocol = 'TCP'; LocalPort = {1} }}
New-NetFirewallRule -Name nestbox-wait -DisplayName 'nestbox: not yet' -Action Block @port
if (-not (Get-Service -Name sshd -ErrorAction SilentlyContinue)) {{
  Add-WindowsCapability -Online -Name OpenSSH.Server~~~~0.0.1.0
}}
Set-Service -Name sshd -StartupType Manual
Start-Service -Name sshd
$token = Invoke-RestMethod -Method PUT -Uri http://169.254.169.254/latest/api/token -Headers @{{ 'X-aws-ec2-metadata-token-ttl-seconds' = '300' }}
$key = Invoke-RestMethod -Uri http://169.254.169.254/latest/meta-data/public-keys/0/openssh-key -Headers @{{ 'X-aws-ec2-metadata-token' = $token }}
$file = Join-Path $env:ProgramData 'ssh\administrators_authorized_keys'
Set-Content -Path $file -Value $key -Encoding Ascii
icacls.exe $file /inheritance:r /grant '*S-1-5-18:F' /grant '*S-1-5-32-544:F'
if (-not (Get-NetFirewallRule -Name nestbox-ssh -ErrorAction SilentlyContinue)) {{
  New-NetFirewallRule -Name nestbox-ssh -DisplayName 'nestbox: ssh' -Action Allow @port
}}
{2}Remove-NetFirewallRule -Name nestbox-wait
</powershell>
<persist>true</persist>
)";

/// cloud-init runs user data at an instance's first boot, and what lies in its per-boot folder at
/// every one: a shutdown that is planned is forgotten when the machine reboots.
constexpr const char* k_linux_script = R"(#!/bin/sh
shutdown -P +{}
again=/var/lib/cloud/scripts/per-boot/nestbox
[ "$0" = $again ] || install -D -m 755 "$0" $again
)";

constexpr const char* k_parts = R"(Content-Type: multipart/mixed; boundary="{0}"
MIME-Version: 1.0

--{0}
{1}
--{0}
{2}
--{0}--
)";

/// Of plain text: cloud-init tells by the first words what it is. It takes other bytes than ASCII's
/// as they are only when they are encoded.
std::string part(const std::string& text) {
  constexpr const char* k_type = "Content-Type: text/plain; charset=\"utf-8\"";
  if (std::ranges::all_of(text, [](unsigned char byte) { return byte < 0x80; }))
    return fmt::format("{}\n\n{}", k_type, text);
  constexpr std::size_t k_line = 76;
  const std::string encoded = base64(text);
  std::string part = fmt::format("{}\nContent-Transfer-Encoding: base64\n", k_type);
  for (std::size_t begin = 0; begin < encoded.size(); begin += k_line)
    part += "\n" + encoded.substr(begin, k_line);
  return part;
}

}  // namespace

std::string init_script(const Settings& settings) {
  const auto minutes = std::chrono::ceil<std::chrono::minutes>(settings.time_to_live).count();
  const std::string& theirs = settings.user_data;
  if (settings.windows)
    return fmt::format(k_windows_script, minutes * 60, settings.ssh_port,
                       theirs.empty() || theirs.ends_with('\n') ? theirs : theirs + "\n");
  const std::string ours = fmt::format(k_linux_script, minutes);
  // Neither of them holds what was made of it.
  return theirs.empty()
             ? ours
             : fmt::format(k_parts, "nestbox-" + sha256(theirs), part(ours), part(theirs));
}

}  // namespace nestbox::ec2
