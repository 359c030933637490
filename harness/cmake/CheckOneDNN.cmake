# Whether tests compare products of codes with oneDNN's.  The program never links it: its own are faster for the
# rows that real mode has (tests/bench/README.md).
set_property(CACHE SSMQ_ONEDNN PROPERTY STRINGS AUTO ON OFF)
if(NOT SSMQ_ONEDNN MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "SSMQ_ONEDNN is '${SSMQ_ONEDNN}', not AUTO, ON or OFF")
endif()

set(SSMQ_HAVE_ONEDNN OFF)
if(SSMQ_ONEDNN STREQUAL "OFF")
  message(STATUS "oneDNN to compare with: off, as asked")
else()
  find_package(dnnl 2.6 CONFIG QUIET)
  set(SSMQ_HAVE_ONEDNN ${dnnl_FOUND})
  if(dnnl_FOUND)
    message(STATUS "oneDNN to compare with: ${dnnl_VERSION}")
  elseif(SSMQ_ONEDNN STREQUAL "ON")
    message(FATAL_ERROR "SSMQ_ONEDNN is ON, but there is no oneDNN 2 (Debian: libdnnl-dev); "
                        "configure with -DSSMQ_ONEDNN=OFF")
  else()
    message(STATUS "oneDNN to compare with: not found")
  endif()
endif()
