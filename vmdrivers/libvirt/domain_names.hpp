#pragma once

#include <mutex>
#include <set>
#include <string>

namespace nestbox::libvirt {

class DomainNames;

/// A name that no other machine of this process has. Dropping it gives it back.
class [[nodiscard]] DomainName {
public:
  DomainName() = default;
  DomainName(DomainName&& other) noexcept;
  DomainName& operator=(DomainName&& other) noexcept;
  ~DomainName();

  std::string text() const;  ///< "nestbox-1000-3"

private:
  friend class DomainNames;
  DomainName(DomainNames& names, int number) : m_names(&names), m_number(number) {}

  DomainNames* m_names = nullptr;
  int m_number = 0;
};

/// The names of this user's domains, used again and again: libvirt keeps a log for each name that
/// it has ever seen. Any thread; outlives its names.
class DomainNames {
public:
  /// The first one, beyond `after`, that nobody holds.
  DomainName take(const DomainName& after = {});

private:
  friend class DomainName;
  void give_back(int number);

  std::mutex m_mutex;
  std::set<int> m_taken;
};

}  // namespace nestbox::libvirt
