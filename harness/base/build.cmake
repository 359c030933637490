# Writes generated/ssmq_build.h; run by `cmake -P` in every build.  The header is touched only when
# its content changes, so only build.c is compiled again after a commit.
#
# Takes SOURCE, OUTPUT, and SSMQ_BUILD_{VERSION,COMPILER,FLAGS,TYPE}.

set(SSMQ_BUILD_COMMIT unknown)
set(SSMQ_BUILD_DIRTY 0)

find_program(GIT git)
if(GIT)
  # An archive unpacked inside somebody's repository must not take that one's commit.
  execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --show-toplevel
    OUTPUT_VARIABLE top OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE bad)
  get_filename_component(source ${SOURCE} REALPATH)
  if(NOT bad AND top STREQUAL source)
    execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --verify HEAD
      OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE bad)
    if(NOT bad)
      set(SSMQ_BUILD_COMMIT ${commit})
      # --no-optional-locks: a build must not disturb a git command beside it.
      execute_process(
        COMMAND ${GIT} --no-optional-locks -C ${SOURCE} status --porcelain --untracked-files=no
        OUTPUT_VARIABLE changes ERROR_QUIET)
      if(changes)
        set(SSMQ_BUILD_DIRTY 1)
      endif()
    endif()
  endif()
endif()

string(REGEX REPLACE "[ ;]+" " " SSMQ_BUILD_FLAGS "${SSMQ_BUILD_FLAGS}")
string(STRIP "${SSMQ_BUILD_FLAGS}" SSMQ_BUILD_FLAGS)
foreach(text SSMQ_BUILD_FLAGS SSMQ_BUILD_COMPILER)
  string(REPLACE "\\" "\\\\" ${text} "${${text}}")
  string(REPLACE "\"" "\\\"" ${text} "${${text}}")
endforeach()
configure_file(${SOURCE}/harness/base/build.h.in ${OUTPUT} @ONLY)
