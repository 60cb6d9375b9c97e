#pragma once

#include <filesystem>
#include <string>

#include "vmdrivers/docker/engine.hpp"

namespace nestbox::docker {

/// Where an image is to come from.
struct ImageSource {
  enum class Kind {
    name,        ///< "docker:debian:12-slim": the engine's own, else pulled
    archive,     ///< "docker-archive:FILE", as `docker save` writes it
    dockerfile,  ///< "dockerfile:DIRECTORY", built by the engine
  };
  Kind kind;
  std::string place;  ///< the name, or the path

  bool operator==(const ImageSource&) const = default;
};

/// Error(usage) for anything else.
ImageSource parse_image(const std::string& image);

/// The id of the image, made when absent. Throws Error(not_found), Error(infrastructure) with the
/// engine's words.
std::string find_or_make_image(Engine& engine, const ImageSource& source, Deadline deadline,
                               const CancelToken& cancel);

/// The id of the image whose only layer is this archive of a root filesystem, imported once:
/// `digest` (of the archive's content) is its tag.
std::string find_or_import(Engine& engine, const std::filesystem::path& archive,
                           const std::string& digest, Deadline deadline, const CancelToken& cancel);

/// What an engine says in the course of a long job, one piece of news after the other: the id of
/// what came of it, or Error(infrastructure) with its words.
class JobNews {
public:
  void take(const nlohmann::json& news);
  /// Throws what the engine complained of. Empty when it named nothing.
  std::string result() const;

private:
  std::string m_id;
  std::string m_complaint;
};

}  // namespace nestbox::docker
