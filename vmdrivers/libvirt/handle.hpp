#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/base/error.hpp"
#include "vmdrivers/qemu_base/qemu_event.hpp"

struct _virDomain;

namespace nestbox::libvirt {

/// What libvirt tells of a running domain.
using DomainEvent = qemu::QemuEvent;

/// Called on the thread of libvirt's events, one at a time; must not call libvirt, nor block. May
/// be empty.
using DomainHandler = std::function<void(DomainEvent)>;

/// A domain that bears a nestbox's metadata.
struct LeftDomain {
  std::string uuid;
  std::string name;
  std::string title;
  std::string owner;  ///< to_string(Owner) of who made it
};

class Domain;

/// A connection to a daemon, and the domains made through it. Any thread. What is called blocks as
/// long as the daemon takes; a daemon that has stopped answering is given up after half a minute.
/// Failures throw Error(infrastructure) with libvirt's own words.
class Connection {
public:
  /// Error(unsupported) when nobody listens there, or refuses us.
  explicit Connection(const std::string& uri);
  ~Connection();

  /// False once the daemon has gone.
  bool alive() const;
  /// "9.0.0", of the daemon.
  std::string version() const;
  /// What confines QEMUs beside their user: "apparmor", "selinux"; empty when nothing does.
  std::string confinement() const;

  /// Starts a domain, paused; libvirt ends it when this connection ends, however it does. Nothing
  /// when there is one of that name already.
  std::unique_ptr<Domain> create(const std::string& xml, const std::string& name,
                                 DomainHandler handler);

  /// All active domains that a nestbox made, whosever they are.
  std::vector<LeftDomain> ours() const;
  /// Ends it if it is still there.
  void destroy(const LeftDomain& left);

private:
  friend class Domain;
  struct State;
  std::unique_ptr<State> m_state;
};

/// An active domain; dropping it ends it. Not to outlive its connection.
class Domain {
public:
  Domain(Connection& connection, _virDomain* domain, DomainHandler handler);
  Domain(const Domain&) = delete;
  Domain& operator=(const Domain&) = delete;
  ~Domain();

  /// Asks QEMU's monitor, `descriptor` (unless -1) being passed along. Throws Error(infrastructure)
  /// that names the command when QEMU or libvirt refuses.
  nlohmann::json ask(const std::string& command, const nlohmann::json& arguments,
                     int descriptor = -1);

  /// Lets the guest run.
  void resume();

private:
  Connection& m_connection;
  _virDomain* m_domain;
  std::string m_uuid;
};

}  // namespace nestbox::libvirt
