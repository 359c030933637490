# The header with commit, compiler and flags for harness/base/build.c.  Looked at in every build, so
# that a new commit shows without configuring again; rewritten only where it differs.
string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
set(flags "${CMAKE_C_FLAGS} ${CMAKE_C_FLAGS_${type}} -fno-math-errno -ffp-contract=off")
if(SSMQ_SANITIZE)
  string(APPEND flags " -fsanitize=${SSMQ_SANITIZE}")
endif()

add_custom_target(ssmq_build_header
  BYPRODUCTS ${PROJECT_BINARY_DIR}/generated/ssmq_build.h
  COMMAND ${CMAKE_COMMAND}
          -DSOURCE=${PROJECT_SOURCE_DIR}
          -DOUTPUT=${PROJECT_BINARY_DIR}/generated/ssmq_build.h
          -DSSMQ_BUILD_VERSION=${PROJECT_VERSION}
          "-DSSMQ_BUILD_COMPILER=${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}"
          "-DSSMQ_BUILD_FLAGS=${flags}"
          "-DSSMQ_BUILD_TYPE=${CMAKE_BUILD_TYPE}"
          -P ${PROJECT_SOURCE_DIR}/harness/base/build.cmake
  COMMENT "Looking at the commit"
  VERBATIM)
add_dependencies(ssmq_library ssmq_build_header)
