/// The calls of MPI that castle makes, free of what differs between its libraries: the types of handles, and
/// constants that are macros.
#ifndef CMPI_H
#define CMPI_H

#include <mpi.h>
#include <stddef.h>

/// An exchange on its way.
typedef struct {
  MPI_Request request;
} CMPIRequest;

/// Ranks that exchange with each other, apart from what other groups of the same ranks do.
typedef struct {
  MPI_Comm communicator;
} CMPIGroup;

static inline CMPIRequest cmpi_no_request(void) {
  CMPIRequest none = {MPI_REQUEST_NULL};
  return none;
}

/// Starts MPI for calls of one thread. Errors come back as codes from then on.
static inline int cmpi_start(void) {
  int provided = 0;
  int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  return code;
}

static inline int cmpi_copy_of_world(CMPIGroup *group) {
  return MPI_Comm_dup(MPI_COMM_WORLD, &group->communicator);
}

/// The ranks of `group` that give the same `number`, in their order.
static inline int cmpi_split(CMPIGroup group, int number, int rank, CMPIGroup *part) {
  return MPI_Comm_split(group.communicator, number, rank, &part->communicator);
}

static inline int cmpi_rank(int *rank) { return MPI_Comm_rank(MPI_COMM_WORLD, rank); }

static inline int cmpi_size(int *size) { return MPI_Comm_size(MPI_COMM_WORLD, size); }

/// Room for the texts below, with the 0 at the end.
static inline size_t cmpi_text_capacity(void) {
  size_t most = MPI_MAX_LIBRARY_VERSION_STRING;
  if (MPI_MAX_PROCESSOR_NAME > most) most = MPI_MAX_PROCESSOR_NAME;
  if (MPI_MAX_ERROR_STRING > most) most = MPI_MAX_ERROR_STRING;
  return most + 1;
}

static inline int cmpi_library(char *text) {
  int count = 0;
  return MPI_Get_library_version(text, &count);
}

static inline int cmpi_host(char *text) {
  int count = 0;
  return MPI_Get_processor_name(text, &count);
}

static inline int cmpi_error(int code, char *text) {
  int count = 0;
  return MPI_Error_string(code, text, &count);
}

static inline int cmpi_start_all_to_all(
    CMPIGroup group, const void *send, const int *sendCounts, const int *sendStarts, void *receive,
    const int *receiveCounts, const int *receiveStarts, CMPIRequest *request) {
  return MPI_Ialltoallv(
      send, sendCounts, sendStarts, MPI_BYTE, receive, receiveCounts, receiveStarts, MPI_BYTE,
      group.communicator, &request->request);
}

static inline int cmpi_start_all_gather(
    CMPIGroup group, void *buffer, const int *counts, const int *starts, CMPIRequest *request) {
  return MPI_Iallgatherv(
      MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, buffer, counts, starts, MPI_BYTE, group.communicator,
      &request->request);
}

static inline int cmpi_start_broadcast(
    CMPIGroup group, void *buffer, int count, int root, CMPIRequest *request) {
  return MPI_Ibcast(buffer, count, MPI_BYTE, root, group.communicator, &request->request);
}

static inline int cmpi_start_barrier(CMPIGroup group, CMPIRequest *request) {
  return MPI_Ibarrier(group.communicator, &request->request);
}

static inline int cmpi_test(CMPIRequest *request, int *isDone) {
  return MPI_Test(&request->request, isDone, MPI_STATUS_IGNORE);
}

static inline int cmpi_finish(void) { return MPI_Finalize(); }

/// Ends all ranks.
static inline int cmpi_abort(int code) { return MPI_Abort(MPI_COMM_WORLD, code); }

#endif
