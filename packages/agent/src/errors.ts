/** What the agent refuses or fails at, in one table. */
import { defineErrors } from '@pronoia/server';

export const errors = defineErrors({
  bad_resources: { status: 400, message: (f: { text: string; reason: string }) => `--resources=${f.text}: ${f.reason}` },
  bad_state: {
    status: 500,
    message: (f: { path: string; reason: string }) =>
      `${f.path}: ${f.reason}; remove the file to start as a new agent (its tasks are then lost)`,
  },
  damaged_checkpoint: {
    status: 500,
    message: (f: { path: string; reason: string }) => `${f.path}: ${f.reason}; with --no-strict it is left out, and its task is lost`,
  },
  incompatible_agent: {
    status: 500,
    message: (f: { policy: string; faults: string }) =>
      `this agent is not the one of its work folder (--reconfiguration_policy=${f.policy}): ${f.faults}; give the flags of before, ` +
      'or remove meta/slaves/latest to start as a new agent (its tasks are then lost)',
  },
  bad_parameter: { status: 400, message: (f: { name: string; reason: string }) => `parameter ${f.name}: ${f.reason}` },
  not_found: { status: 404, message: (f: { what: string }) => `${f.what}: no such file is attached here` },
  bad_call: { status: 400, message: (f: { reason: string }) => f.reason },
  container_running: { status: 500, message: (f: { id: string }) => `container ${f.id} is running: kill it first` },
  no_switchboard: { status: 500, message: () => 'I/O switchboard server was disabled for this container' },
  not_implemented: { status: 501, message: (f: { what: string }) => `${f.what} is not implemented` },
  unknown_container: { status: 404, message: (f: { id: string }) => `container ${f.id} is not known here` },
});
