#include <fmt/format.h>

#include "harness/base/log.hpp"
#include "harness/base/owner.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/ec2/account.hpp"
#include "vmdrivers/ec2/ownership.hpp"

namespace nestbox::ec2 {
namespace {

using namespace std::chrono_literals;

constexpr auto k_end_limit = 2min;

// What was just made is not known everywhere at once.
const std::set<std::string> k_new_image = {"InvalidAMIID.NotFound"};

}  // namespace

std::string Account::make_image(const Rental& rental, const std::string& name, Deadline deadline,
                                const CancelToken& cancel) {
  const std::string what = fmt::format("making an image of instance '{}'", rental.id());
  const std::string image = value_or_throw(
      parse_image_id(client(deadline, cancel)
                         .send(create_image(rental.id(), name, m_settings.windows, tags(name)),
                               what, deadline, cancel)
                         .body));
  std::vector<std::string> snapshots;
  ScopeExit forget([&] { end_image(image, snapshots); });
  while (true) {
    aws::Refusal refusal;
    const HttpReply reply = value_or_throw(
        settled(describe_image(image), what, k_new_image, refusal, deadline, cancel));
    const std::optional<Image> found = value_or_throw(parse_image(reply.body));
    if (found)
      snapshots = found->snapshots;
    if (found && found->state == "available")
      break;
    if (found && found->state != "pending")
      throw Error(ErrorCode::infrastructure, fmt::format("image '{}' of instance '{}' is {}", image,
                                                         rental.id(), printable(found->state)));
    if (deadline.passed())
      throw Error(ErrorCode::timeout, fmt::format("image '{}' was not ready in time", image));
    pause(deadline, cancel);
  }
  forget.dismiss();
  const std::lock_guard lock(m_images_mutex);
  m_new_images[image] = std::move(snapshots);
  return image;
}

void Account::keep_image(const std::string& image, Deadline deadline, const CancelToken& cancel) {
  const std::lock_guard lock(m_images_mutex);
  const auto found = m_new_images.find(image);
  if (found == m_new_images.end())
    return;
  std::vector<std::string> resources = found->second;
  resources.push_back(image);
  client(deadline, cancel)
      .send(delete_tags(resources, {k_owner_label, k_host_tag}), "keeping an image", deadline,
            cancel);
  m_new_images.erase(found);
}

void Account::end_image(const std::string& image,
                        const std::vector<std::string>& snapshots) noexcept {
  const Deadline deadline = Deadline::after(k_end_limit);
  const char* const what = "removing an image";
  const Result<void> ended = catch_error([&] {
    aws::Refusal refusal;
    value_or_throw(settled(deregister_image(image), what, k_new_image, refusal, deadline, {}));
    for (const std::string& snapshot : snapshots)
      value_or_throw(
          settled(delete_snapshot(snapshot), what, k_used_snapshot, refusal, deadline, {}));
  });
  if (!ended)
    log(LogLevel::warning, fmt::format("image '{}' may be left at AWS, 'nestbox reap' finds it: {}",
                                       image, ended.error().message));
}

}  // namespace nestbox::ec2
