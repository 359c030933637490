# Whether this build has a CUDA backend.  The contract (harness/backend/backend.h) has room for one
# and harness/backend/cuda is its folder; where that folder holds no kernels there is nothing to
# build, whatever the machine has.
if(NOT SSMQ_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "SSMQ_CUDA is '${SSMQ_CUDA}', not AUTO, ON or OFF")
endif()

file(GLOB SSMQ_CUDA_SOURCES CONFIGURE_DEPENDS
     ${PROJECT_SOURCE_DIR}/harness/backend/cuda/*.c ${PROJECT_SOURCE_DIR}/harness/backend/cuda/*.cu)
find_program(SSMQ_NVCC nvcc PATHS /usr/local/cuda/bin)
mark_as_advanced(SSMQ_NVCC)

set(SSMQ_HAVE_CUDA OFF)
if(SSMQ_CUDA STREQUAL "OFF")
  message(STATUS "CUDA backend: off, as asked")
elseif(NOT SSMQ_CUDA_SOURCES)
  if(SSMQ_CUDA STREQUAL "ON")
    message(FATAL_ERROR "SSMQ_CUDA is ON, but this version of ssmq has no CUDA kernels; "
                        "configure with -DSSMQ_CUDA=OFF")
  endif()
  message(STATUS "CUDA backend: off, this version of ssmq has no CUDA kernels")
else()
  message(FATAL_ERROR "harness/backend/cuda holds sources that harness/cmake/CheckCUDA.cmake "
                      "does not know how to build")
endif()
