#include "runner/cli/source_tree.hpp"

#include "harness/model/name_rules.hpp"

namespace nestbox {

std::vector<std::string> own_disks(const Definition& definition) {
  std::vector<std::string> disks;
  for (const auto& [name, environment] : definition.environments)
    if (is_disk_image(environment.image))
      disks.emplace_back(disk_image_file(environment.image));
  return disks;
}

WorkTree source_tree(const fs::path& root, const std::vector<std::string>& disks, bool all_files) {
  WorkTree tree = read_work_tree(root, all_files);
  const fs::path below = fs::canonical(root).lexically_relative(tree.root);
  for (const std::string& disk : disks)
    std::erase(tree.files, (below / disk).lexically_normal().string());
  return tree;
}

}  // namespace nestbox
