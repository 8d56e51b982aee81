// A small executor as a framework would write one: JSON over the v1 executor API, told what to do by its tasks' `data`.
// `hold`: runs until killed. `finish`: ends at once. `echo`: says its data to the framework. `die`: the process exits with 7.

import { randomBytes } from 'node:crypto';
import { request } from 'node:http';

const { MESOS_AGENT_ENDPOINT, MESOS_FRAMEWORK_ID, MESOS_EXECUTOR_ID, MESOS_CHECKPOINT, MESOS_EXECUTOR_AUTHENTICATION_TOKEN } = process.env;
const [host, port] = MESOS_AGENT_ENDPOINT.split(':');
const ids = { executor_id: { value: MESOS_EXECUTOR_ID }, framework_id: { value: MESOS_FRAMEWORK_ID } };
const say = (line) => process.stdout.write(`${line}\n`);
const tasks = new Map();
const updates = new Map();

const call = (body, onResponse) => {
  const message = request({
    host,
    port,
    method: 'POST',
    path: '/api/v1/executor',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(MESOS_EXECUTOR_AUTHENTICATION_TOKEN ? { authorization: `Bearer ${MESOS_EXECUTOR_AUTHENTICATION_TOKEN}` } : {}),
    },
  });
  message.on('response', onResponse ?? ((response) => response.resume()));
  message.on('error', () => body.type === 'SUBSCRIBE' && again());
  message.end(JSON.stringify({ ...ids, ...body }));
};

const update = (taskId, state, more = {}) => {
  const status = { task_id: { value: taskId }, state, source: 'SOURCE_EXECUTOR', uuid: randomBytes(16).toString('base64'), ...more };
  updates.set(status.uuid, status);
  call({ type: 'UPDATE', update: { status } });
};

const launch = (task) => {
  tasks.set(task.task_id.value, task);
  const what = Buffer.from(task.data ?? '', 'base64').toString();
  say(`launch ${task.task_id.value} ${what}`);
  update(task.task_id.value, 'TASK_RUNNING', { message: 'from the executor' });
  if (what === 'finish') update(task.task_id.value, 'TASK_FINISHED', { data: Buffer.from('result').toString('base64') });
  if (what === 'echo') call({ type: 'MESSAGE', message: { data: Buffer.from('hello').toString('base64') } });
  if (what === 'die') setTimeout(() => process.exit(7), 50);
};

const handle = (event) => {
  say(event.type);
  if (event.type === 'LAUNCH') launch(event.launch.task);
  if (event.type === 'LAUNCH_GROUP') event.launch_group.task_group.tasks.forEach(launch);
  if (event.type === 'KILL') update(event.kill.task_id.value, 'TASK_KILLED');
  if (event.type === 'ACKNOWLEDGED') {
    updates.delete(event.acknowledged.uuid);
    tasks.delete(event.acknowledged.task_id.value);
  }
  if (event.type === 'MESSAGE') call({ type: 'MESSAGE', message: { data: event.message.data } });
  if (event.type === 'SHUTDOWN') process.exit(0);
};

const subscribe = () => {
  const subscribe = {
    unacknowledged_tasks: [...tasks.values()],
    unacknowledged_updates: [...updates.values()].map((status) => ({ status })),
  };
  call({ type: 'SUBSCRIBE', subscribe }, (response) => {
    say(`subscribed ${response.statusCode}`);
    if (response.statusCode !== 200) return again();
    let text = '';
    response.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      for (;;) {
        const end = text.indexOf('\n');
        const length = Number(text.slice(0, end));
        if (end < 0 || text.length < end + 1 + length) return;
        handle(JSON.parse(text.slice(end + 1, end + 1 + length)));
        text = text.slice(end + 1 + length);
      }
    });
    response.on('close', again);
    response.on('error', () => undefined);
  });
};

let isWaiting = false;
function again() {
  if (MESOS_CHECKPOINT !== '1') process.exit(3);
  if (isWaiting) return;
  isWaiting = true;
  setTimeout(() => {
    isWaiting = false;
    subscribe();
  }, 100);
}

subscribe();
