/** The state as one principal may see it: frameworks, tasks and executors of users that it may view (mesos.md §11.2). */
import type { MasterEvent } from '@pronoia/mesos';
import type { FrameworkEntry, MasterState, TaskEntry } from '../state.ts';
import { type Authorize, allowAll } from './acls.ts';

export interface Viewer {
  readonly authorize: Authorize;
  readonly principal: string | undefined;
}

/** The state itself when nothing is hidden by rules; otherwise a picture of it, to be shown and thrown away. */
export function visibleState(state: MasterState, { authorize, principal }: Viewer): MasterState {
  if (authorize === allowAll) return state;
  const frameworks = visibleFrameworks(state.frameworks, { authorize, principal });
  const agents = new Map(
    [...state.agents].map(([id, agent]) => [
      id,
      {
        ...agent,
        executors: new Map([...agent.executors].filter(([frameworkId]) => (frameworks.get(frameworkId)?.executors.size ?? 0) > 0)),
      },
    ]),
  );
  return { ...state, frameworks, completedFrameworks: visibleFrameworks(state.completedFrameworks, { authorize, principal }), agents };
}

function visibleFrameworks(frameworks: ReadonlyMap<string, FrameworkEntry>, { authorize, principal }: Viewer): Map<string, FrameworkEntry> {
  const visible = new Map<string, FrameworkEntry>();
  for (const [id, framework] of frameworks) {
    if (!authorize('view_frameworks', principal, framework.info.user)) continue;
    const mayView = (entry: TaskEntry): boolean => authorize('view_tasks', principal, entry.task.user ?? framework.info.user);
    const tasks = (entries: ReadonlyMap<string, TaskEntry>): Map<string, TaskEntry> =>
      new Map([...entries].filter(([, entry]) => mayView(entry)));
    visible.set(id, {
      ...framework,
      tasks: tasks(framework.tasks),
      unreachableTasks: tasks(framework.unreachableTasks),
      completedTasks: framework.completedTasks.filter(mayView),
      executors: authorize('view_executors', principal, framework.info.user) ? framework.executors : new Map(),
    });
  }
  return visible;
}

/** Whether a subscriber of the event stream may hear of it. */
export function mayHear(state: MasterState, event: MasterEvent, { authorize, principal }: Viewer): boolean {
  switch (event.type) {
    case 'TASK_ADDED': {
      const { task } = event.task_added;
      return authorize('view_tasks', principal, task.user ?? state.frameworks.get(task.framework_id.value)?.info.user);
    }
    case 'TASK_UPDATED': {
      const { framework_id, status } = event.task_updated;
      const framework = state.frameworks.get(framework_id.value);
      return authorize('view_tasks', principal, framework?.tasks.get(status.task_id.value)?.task.user ?? framework?.info.user);
    }
    case 'FRAMEWORK_ADDED':
      return authorize('view_frameworks', principal, event.framework_added.framework.framework_info.user);
    case 'FRAMEWORK_UPDATED':
      return authorize('view_frameworks', principal, event.framework_updated.framework.framework_info.user);
    case 'FRAMEWORK_REMOVED':
      return authorize('view_frameworks', principal, event.framework_removed.framework_info.user);
    case 'SUBSCRIBED':
    case 'HEARTBEAT':
    case 'AGENT_ADDED':
    case 'AGENT_REMOVED':
      return true;
  }
}
