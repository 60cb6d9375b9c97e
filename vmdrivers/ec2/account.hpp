#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/aws/client.hpp"
#include "harness/base/filesystem.hpp"
#include "harness/vm/driver.hpp"
#include "vmdrivers/ec2/allowance.hpp"
#include "vmdrivers/ec2/requests.hpp"

namespace nestbox::ec2 {

/// What EC2 says of a group, or of a disk's snapshot, while what uses it is not quite gone.
inline const std::set<std::string> k_used_group = {"DependencyViolation"};
inline const std::set<std::string> k_used_snapshot = {"InvalidSnapshot.InUse"};
/// And of an image that somebody has ended.
inline const std::set<std::string> k_gone_image = {"InvalidAMIID.NotFound",
                                                   "InvalidAMIID.Unavailable"};

/// How often EC2, which has no events, is asked how far it is, and how failed requests are sent
/// again.
struct Pace {
  std::chrono::milliseconds question = std::chrono::seconds(3);
  aws::Backoff backoff{};
  /// How long an instance is looked for that may have come to be although nobody told us.
  std::chrono::milliseconds unheard = std::chrono::seconds(20);
};

/// What this process does with an AWS account: instances, and the key pair and security group of
/// its run, which go with it. Any thread.
class Account {
public:
  Account(Settings settings, aws::Variables variables, Pace pace);
  /// Removes images that were not kept, key pair and security group, waiting a while for the last
  /// instances to be gone.
  ~Account();

  /// A running instance. Dropping it ends it.
  class Rental {
  public:
    Rental(Account& account, std::string id, Allowance::Share share);
    ~Rental();
    Rental(const Rental&) = delete;
    Rental& operator=(const Rental&) = delete;

    const std::string& id() const { return m_id; }
    const std::string& address() const { return m_address; }
    /// Within its subnet.
    const std::string& private_address() const { return m_private_address; }
    /// What it printed so far, as far as EC2 knows; what could not be learnt is empty.
    std::string console() const;

  private:
    friend class Account;
    Account& m_account;
    const std::string m_id;
    std::string m_address;
    std::string m_private_address;
    Allowance::Share m_share;
  };

  /// Blocks until it runs and has an address. Throws Error(infrastructure) with what its console
  /// printed, Error(lost) when its image is no more, Error(unsupported), Error(timeout),
  /// Error(cancelled).
  std::unique_ptr<Rental> rent(const MachineSpec& spec, Deadline deadline,
                               const CancelToken& cancel);

  /// The private key that lets us in.
  fs::path identity(Deadline deadline, const CancelToken& cancel);

  /// An image of the instance's disk as it is now, once it can be booted. An agent has written all
  /// of it (Transport::quiesce); Windows, which has none, reboots meanwhile. It ends with this
  /// object, unless it is kept.
  std::string make_image(const Rental& rental, const std::string& name, Deadline deadline,
                         const CancelToken& cancel);
  /// From now on it has no owner, and stays when we are gone. Nothing when it is not one of ours
  /// that might go.
  void keep_image(const std::string& image, Deadline deadline, const CancelToken& cancel);

  /// From now on other hosts may need it: it stays when no layer of this cache does. Logs a warning
  /// when it is gone.
  void share_image(const std::string& image, Deadline deadline, const CancelToken& cancel);

  /// The one that is used, whoever named it. Throws Error(usage) when nobody did.
  std::string region(Deadline deadline, const CancelToken& cancel);

  /// Throws when the account cannot be used; else for a person: "profile 'ci', region eu-west-1".
  std::string check(Deadline deadline, const CancelToken& cancel);

  /// Instances, key pairs, groups, images that nobody kept and their snapshots, of dead owners; and
  /// images whose layers have left this cache.
  std::vector<Leftover> reap(bool dry_run, Deadline deadline, const CancelToken& cancel);

  const Settings& settings() const { return m_settings; }

private:
  struct Run {
    fs::path identity;
    std::string key_name;
    std::string group;
  };

  aws::Client& client(Deadline deadline, const CancelToken& cancel);
  const Run& run(Deadline deadline, const CancelToken& cancel);
  std::string open_group(const std::string& name, const Tags& tags, Deadline deadline,
                         const CancelToken& cancel);
  std::string launch(const Launch& launch, aws::Refusal& refusal, Deadline deadline,
                     const CancelToken& cancel);
  void await_running(Rental& rental, Deadline deadline, const CancelToken& cancel);
  std::vector<Instance> our_instances(Deadline deadline, const CancelToken& cancel);
  void end_unheard(const std::string& token) noexcept;
  void end(const std::string& instance) noexcept;
  std::string await_image(const std::string& name, const std::string& what, Deadline deadline,
                          const CancelToken& cancel);
  void end_image(const std::string& image, const std::vector<std::string>& snapshots) noexcept;
  Result<HttpReply> settled(const aws::Request& request, const std::string& what,
                            const std::set<std::string>& not_yet, aws::Refusal& refusal,
                            Deadline deadline, const CancelToken& cancel);
  void pause(Deadline deadline, const CancelToken& cancel) const;

  const Settings m_settings;
  const aws::Variables m_variables;
  const Pace m_pace;
  HttpClient m_http;
  aws::CredentialSource m_credentials;
  Allowance m_allowance;
  std::mutex m_mutex;
  std::optional<aws::Client> m_client;  ///< guarded by m_mutex
  std::mutex m_run_mutex;
  std::optional<TemporaryDirectory> m_directory;  ///< guarded by m_run_mutex
  std::optional<Run> m_run;                       ///< guarded by m_run_mutex
  std::mutex m_images_mutex;
  /// With their snapshots, until they are kept; guarded by m_images_mutex
  std::map<std::string, std::vector<std::string>> m_new_images;
};

}  // namespace nestbox::ec2
