#pragma once

#include <map>
#include <string>
#include <string_view>

/// The environment variables of this process.
namespace nestbox {

/// By their names.
std::map<std::string, std::string> own_variables();

/// Whether what a variable of that name holds is for those alone who ask for it: credentials of
/// AWS, a token of GitHub, a password.
bool names_secret(std::string_view variable);

/// Those of own_variables() that a program gets which asked for none.
std::map<std::string, std::string> own_variables_to_share();

}  // namespace nestbox
