#include "vmdrivers/libvirt/handle.hpp"

#include <fmt/format.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <array>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>

#include "harness/aws/xml_tree.hpp"
#include "harness/base/shared_library.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/libvirt/metadata.hpp"

namespace nestbox::libvirt {
namespace {

using nlohmann::json;

// With all that it needs libvirt takes as long to load as the rest of nestbox together.
constinit const SharedLibrary k_libvirt("libvirt-qemu.so.0", "libvirt0");
NESTBOX_LAZY_FUNCTION(k_libvirt, virConnectClose);
NESTBOX_LAZY_FUNCTION(k_libvirt, virConnectDomainEventDeregisterAny);
NESTBOX_LAZY_FUNCTION(k_libvirt, virConnectDomainEventRegisterAny);
NESTBOX_LAZY_FUNCTION(k_libvirt, virConnectDomainQemuMonitorEventDeregister);
NESTBOX_LAZY_FUNCTION(k_libvirt, virConnectDomainQemuMonitorEventRegister);
NESTBOX_LAZY_FUNCTION(k_libvirt, virConnectGetLibVersion);
NESTBOX_LAZY_FUNCTION(k_libvirt, virConnectIsAlive);
NESTBOX_LAZY_FUNCTION(k_libvirt, virConnectListAllDomains);
NESTBOX_LAZY_FUNCTION(k_libvirt, virConnectOpen);
NESTBOX_LAZY_FUNCTION(k_libvirt, virConnectSetKeepAlive);
NESTBOX_LAZY_FUNCTION(k_libvirt, virDomainCreateXML);
NESTBOX_LAZY_FUNCTION(k_libvirt, virDomainDestroy);
NESTBOX_LAZY_FUNCTION(k_libvirt, virDomainFree);
NESTBOX_LAZY_FUNCTION(k_libvirt, virDomainGetMetadata);
NESTBOX_LAZY_FUNCTION(k_libvirt, virDomainGetName);
NESTBOX_LAZY_FUNCTION(k_libvirt, virDomainGetUUIDString);
NESTBOX_LAZY_FUNCTION(k_libvirt, virDomainIsActive);
NESTBOX_LAZY_FUNCTION(k_libvirt, virDomainLookupByName);
NESTBOX_LAZY_FUNCTION(k_libvirt, virDomainLookupByUUIDString);
NESTBOX_LAZY_FUNCTION(k_libvirt, virDomainQemuMonitorCommand);
NESTBOX_LAZY_FUNCTION(k_libvirt, virDomainQemuMonitorCommandWithFiles);
NESTBOX_LAZY_FUNCTION(k_libvirt, virDomainResume);
NESTBOX_LAZY_FUNCTION(k_libvirt, virEventRegisterDefaultImpl);
NESTBOX_LAZY_FUNCTION(k_libvirt, virEventRunDefaultImpl);
NESTBOX_LAZY_FUNCTION(k_libvirt, virGetLastError);
NESTBOX_LAZY_FUNCTION(k_libvirt, virGetLastErrorCode);
NESTBOX_LAZY_FUNCTION(k_libvirt, virInitialize);
NESTBOX_LAZY_FUNCTION(k_libvirt, virNodeGetSecurityModel);
NESTBOX_LAZY_FUNCTION(k_libvirt, virSetErrorFunc);

/// A daemon that does not answer for so many times so many seconds is given up.
constexpr int k_keepalive_seconds = 5;
constexpr unsigned k_keepalive_count = 5;

/// What libvirt puts before most that it says.
constexpr std::string_view k_any_error = "internal error: ";

using ConnectHandle =
    std::unique_ptr<virConnect, decltype([](virConnect* c) { virConnectClose(c); })>;
using DomainHandle = std::unique_ptr<virDomain, decltype([](virDomain* d) { virDomainFree(d); })>;
using Text = std::unique_ptr<char, decltype([](char* text) { std::free(text); })>;

Error failure(const std::string& activity, ErrorCode code = ErrorCode::infrastructure) {
  const virError* error = virGetLastError();
  std::string_view said = error && error->message ? error->message : "no reason given";
  if (said.starts_with(k_any_error))
    said.remove_prefix(k_any_error.size());
  return Error(code, printable(trim(said))).during(activity);
}

/// Has libvirt's events and replies served by one thread, as long as this process lives: libvirt
/// does not let go of what serves them.
void serve_events() {
  [[maybe_unused]] static const bool served = [] {
    // What went wrong is in the Error; by itself libvirt also writes it to stderr.
    virSetErrorFunc(nullptr, [](void*, virErrorPtr) {});
    if (virInitialize() != 0 || virEventRegisterDefaultImpl() != 0)
      throw failure("setting libvirt up");
    std::thread([] {
      while (virEventRunDefaultImpl() == 0) {
      }
    }).detach();
    return true;
  }();
}

std::string uuid_of(virDomainPtr domain) {
  std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
  virDomainGetUUIDString(domain, uuid.data());
  return uuid.data();
}

/// Who wants to know of which domain; shared with the callbacks, which may outlive a connection.
class Handlers {
public:
  void set(const std::string& uuid, DomainHandler handler) {
    const std::lock_guard lock(m_mutex);
    m_handlers[uuid] = std::move(handler);
  }
  void remove(const std::string& uuid) {
    const std::lock_guard lock(m_mutex);
    m_handlers.erase(uuid);
  }
  void tell(virDomainPtr domain, DomainEvent event) {
    const std::lock_guard lock(m_mutex);
    if (const auto found = m_handlers.find(uuid_of(domain));
        found != m_handlers.end() && found->second)
      found->second(event);
  }

private:
  std::mutex m_mutex;  ///< held while a handler is called: it is not being called once removed
  std::map<std::string, DomainHandler> m_handlers;
};

Handlers& handlers_of(void* opaque) {
  return **static_cast<std::shared_ptr<Handlers>*>(opaque);
}

void drop_handlers(void* opaque) {
  delete static_cast<std::shared_ptr<Handlers>*>(opaque);
}

int on_lifecycle(virConnectPtr, virDomainPtr domain, int event, int detail, void* opaque) {
  Handlers& handlers = handlers_of(opaque);
  if (event == VIR_DOMAIN_EVENT_SHUTDOWN && detail != VIR_DOMAIN_EVENT_SHUTDOWN_HOST)
    handlers.tell(domain, DomainEvent::shut_down);
  if (event == VIR_DOMAIN_EVENT_CRASHED
      || (event == VIR_DOMAIN_EVENT_STOPPED && detail == VIR_DOMAIN_EVENT_STOPPED_CRASHED))
    handlers.tell(domain, DomainEvent::crashed);
  if (event == VIR_DOMAIN_EVENT_STOPPED)
    handlers.tell(domain, DomainEvent::ended);
  return 0;
}

void on_migration(virConnectPtr, virDomainPtr domain, const char*, long long, unsigned,
                  const char* details, void* opaque) {
  const json data = json::parse(details ? details : "", nullptr, false);
  const std::string status = data.is_object() ? data.value("status", "") : "";
  if (status == "completed")
    handlers_of(opaque).tell(domain, DomainEvent::migrated);
  if (status == "failed")
    handlers_of(opaque).tell(domain, DomainEvent::migration_failed);
}

/// QEMU has stopped the guest where `action` is a pause; else the guest was told.
void on_io_error(virConnectPtr, virDomainPtr domain, const char*, const char*, int action,
                 const char* reason, void* opaque) {
  if (action == VIR_DOMAIN_EVENT_IO_ERROR_PAUSE)
    handlers_of(opaque).tell(domain, reason && std::string_view(reason) == "enospc"
                                         ? DomainEvent::disk_full
                                         : DomainEvent::disk_failed);
}

std::string format_version(unsigned long version) {
  return fmt::format("{}.{}.{}", version / 1'000'000, version / 1'000 % 1'000, version % 1'000);
}

}  // namespace

struct Connection::State {
  std::shared_ptr<Handlers> handlers = std::make_shared<Handlers>();
  ConnectHandle connect;
  int lifecycle = -1;
  int io_error = -1;
  int migration = -1;
};

Connection::Connection(const std::string& uri) : m_state(std::make_unique<State>()) {
  const std::string activity = "connecting to libvirt at '" + uri + "'";
  serve_events();
  m_state->connect.reset(virConnectOpen(uri.c_str()));
  virConnectPtr connect = m_state->connect.get();
  if (!connect)
    throw failure(activity, ErrorCode::unsupported);
  m_state->lifecycle = virConnectDomainEventRegisterAny(
      connect, nullptr, VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle),
      new std::shared_ptr<Handlers>(m_state->handlers), drop_handlers);
  m_state->io_error = virConnectDomainEventRegisterAny(
      connect, nullptr, VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, VIR_DOMAIN_EVENT_CALLBACK(on_io_error),
      new std::shared_ptr<Handlers>(m_state->handlers), drop_handlers);
  m_state->migration = virConnectDomainQemuMonitorEventRegister(
      connect, nullptr, "MIGRATION", on_migration, new std::shared_ptr<Handlers>(m_state->handlers),
      drop_handlers, 0);
  if (m_state->lifecycle < 0 || m_state->io_error < 0 || m_state->migration < 0
      || virConnectSetKeepAlive(connect, k_keepalive_seconds, k_keepalive_count) < 0)
    throw failure(activity);
}

Connection::~Connection() {
  for (const int event : {m_state->lifecycle, m_state->io_error})
    if (event >= 0)
      virConnectDomainEventDeregisterAny(m_state->connect.get(), event);
  if (m_state->migration >= 0)
    virConnectDomainQemuMonitorEventDeregister(m_state->connect.get(), m_state->migration);
}

bool Connection::alive() const {
  return virConnectIsAlive(m_state->connect.get()) == 1;
}

std::string Connection::version() const {
  unsigned long version = 0;
  if (virConnectGetLibVersion(m_state->connect.get(), &version) != 0)
    throw failure("asking libvirt for its version");
  return format_version(version);
}

std::string Connection::confinement() const {
  virSecurityModel model{};
  if (virNodeGetSecurityModel(m_state->connect.get(), &model) != 0)
    return {};
  const std::string name = model.model;
  return name == "none" || name == "dac" ? std::string() : name;
}

std::unique_ptr<Domain> Connection::create(const std::string& xml, const std::string& name,
                                           DomainHandler handler) {
  virConnectPtr connect = m_state->connect.get();
  DomainHandle domain(virDomainCreateXML(connect, xml.c_str(),
                                         VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY));
  if (domain)
    return std::make_unique<Domain>(*this, domain.release(), std::move(handler));
  const Error refused = failure("starting domain '" + name + "'");
  const int code = virGetLastErrorCode();
  if (code == VIR_ERR_OPERATION_FAILED || code == VIR_ERR_DOM_EXIST)
    if (DomainHandle(virDomainLookupByName(connect, name.c_str())))
      return nullptr;
  throw refused;
}

std::vector<LeftDomain> Connection::ours() const {
  virDomainPtr* listed = nullptr;
  const int count =
      virConnectListAllDomains(m_state->connect.get(), &listed, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
  if (count < 0)
    throw failure("listing libvirt's domains");
  std::vector<DomainHandle> domains(listed, listed + count);
  std::free(listed);
  std::vector<LeftDomain> ours;
  for (const DomainHandle& domain : domains) {
    const Text text(
        virDomainGetMetadata(domain.get(), VIR_DOMAIN_METADATA_ELEMENT, k_metadata_uri, 0));
    if (!text)
      continue;
    const Text title(virDomainGetMetadata(domain.get(), VIR_DOMAIN_METADATA_TITLE, nullptr, 0));
    if (const auto element = aws::parse_xml(text.get()))
      ours.push_back({uuid_of(domain.get()), virDomainGetName(domain.get()),
                      title ? title.get() : "", element->at(k_metadata_owner)});
  }
  return ours;
}

void Connection::destroy(const LeftDomain& left) {
  const DomainHandle domain(virDomainLookupByUUIDString(m_state->connect.get(), left.uuid.c_str()));
  if (domain && virDomainDestroy(domain.get()) != 0 && virDomainIsActive(domain.get()) == 1)
    throw failure("ending domain '" + left.name + "'");
}

Domain::Domain(Connection& connection, _virDomain* domain, DomainHandler handler)
    : m_connection(connection), m_domain(domain), m_uuid(uuid_of(domain)) {
  m_connection.m_state->handlers->set(m_uuid, std::move(handler));
}

Domain::~Domain() {
  m_connection.m_state->handlers->remove(m_uuid);
  // One that has ended is unknown to the daemon: nothing is left to be done then.
  virDomainDestroy(m_domain);
  virDomainFree(m_domain);
}

json Domain::ask(const std::string& command, const json& arguments, int descriptor) {
  const std::string activity = "sending '" + command + "' to qemu";
  json message = {{"execute", command}};
  if (!arguments.empty())
    message["arguments"] = arguments;
  const std::string text = message.dump(-1, ' ', false, json::error_handler_t::replace);
  char* said = nullptr;
  const int status =
      descriptor < 0 ? virDomainQemuMonitorCommand(m_domain, text.c_str(), &said, 0)
                     : virDomainQemuMonitorCommandWithFiles(m_domain, text.c_str(), 1, &descriptor,
                                                            nullptr, nullptr, &said, 0);
  const Text reply(said);
  if (status != 0)
    throw failure(activity);
  const json answer = json::parse(reply ? reply.get() : "", nullptr, false);
  if (answer.is_object() && answer.contains("return"))
    return answer["return"];
  const json error = answer.is_object() ? answer.value("error", json::object()) : json::object();
  throw Error(ErrorCode::infrastructure,
              printable(error.is_object() ? error.value("desc", "no reason given") : reply.get()))
      .during(activity);
}

void Domain::resume() {
  if (virDomainResume(m_domain) != 0)
    throw failure("resuming the machine");
}

}  // namespace nestbox::libvirt
