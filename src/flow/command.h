/* command.h -- workflow commands in the output of a step: `::name k=v::data`, and the
 * older `##[name k=v;]data`.
 *
 * The line is foreign and may hold any bytes.  A line that is no command of a known
 * name is just output.  The state (paused output, echoing) belongs to one step and is
 * bounded.  Nothing here acts: the caller gets what was asked for and decides.
 */
#ifndef SL_FLOW_COMMAND_H
#define SL_FLOW_COMMAND_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

enum {
	SL_COMMAND_TOKEN_MAX = 1024, /* bytes of a stop-commands token */
	SL_COMMAND_TEXT_MAX = 4096   /* UTF-16 units of an annotation; the rest is cut */
};

enum sl_command_kind {
	SL_CMD_NONE,    /* ordinary output */
	SL_CMD_DEBUG,   /* data */
	SL_CMD_NOTICE,  /* annotation */
	SL_CMD_WARNING, /* annotation */
	SL_CMD_ERROR,   /* annotation */
	SL_CMD_GROUP,   /* data: its name */
	SL_CMD_ENDGROUP,
	SL_CMD_MASK,   /* data: a value to hide from now on; so is each of its lines */
	SL_CMD_STOP,   /* commands are ignored from now on */
	SL_CMD_RESUME, /* no longer */
	SL_CMD_ECHO,   /* is_on */
	SL_CMD_OUTPUT, /* name, data */
	SL_CMD_STATE,  /* name, data */
	SL_CMD_ENV,    /* name, data; only with allow_unsecure */
	SL_CMD_PATH,   /* data; only with allow_unsecure */
	SL_CMD_MATCHER_ADD,   /* data: a file; not supported, see warning */
	SL_CMD_MATCHER_REMOVE /* data: a file, or name: an owner; not supported */
};

/* Slices are unescaped, live in the arena or in the line, and are empty when absent. */
struct sl_command {
	enum sl_command_kind kind;
	struct sl_slice data;
	struct sl_slice name;                  /* OUTPUT, STATE, ENV, MATCHER_REMOVE */
	struct sl_slice title, file;           /* annotations */
	uint32_t line, end_line, col, end_col; /* 1-based; 0: absent or inconsistent */
	bool is_on;                            /* ECHO */
	bool is_shown;                         /* the line itself stays in the log */
	struct sl_slice mask;    /* MASK: data; STOP: a token of more than 6 characters */
	struct sl_slice warning; /* for people: deprecated, empty mask, not supported */
};

struct sl_command_state {
	bool is_echo_on;
	bool allow_unsecure; /* ACTIONS_ALLOW_UNSECURE_COMMANDS: set-env, add-path */
	bool allow_unsecure_tokens; /* ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS */
	bool is_paused;             /* until ::token:: */
	size_t len_token;
	uint8_t token[SL_COMMAND_TOKEN_MAX];
};

/* 0 with *ret filled, kind NONE for ordinary output.  A command that is known but
 * wrong is FAILED, with "Unable to process command '...' successfully." and the reason:
 * the step fails then, and the line is not output. */
int sl_command_line(struct sl_command_state *st, struct sl_slice line, struct sl_arena *a,
		    struct sl_command *ret, struct sl_err *err) SL_MUST_CHECK;

/* Could the line hold a command at all?  Cheap: for skipping the rest of the work. */
bool sl_command_maybe(struct sl_slice line);

#endif
