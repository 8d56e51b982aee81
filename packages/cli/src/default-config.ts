/**
 * The configuration that `pronoia up` starts with: written once into the data folder, commented, and then the user's. A file that
 * nobody has edited since we wrote it is ours to write again (other ports, a newer version); an edited one is never touched.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Addresses {
  /** host:port of each server. */
  readonly master: string;
  readonly monitor: string;
  readonly alertmanager: string;
}

export interface ConfigFiles {
  readonly folder: string;
  readonly prometheus: string;
  readonly alertmanager: string;
  /** Edited files that do not mention the addresses now in use. */
  readonly stale: readonly string[];
}

export function writeDefaultConfig(folder: string, addresses: Addresses): ConfigFiles {
  const files: Record<string, string> = {
    'prometheus.yml': prometheusYml(addresses),
    'rules/shipped.yml': rulesYml,
    'alertmanager.yml': alertmanagerYml,
  };
  const recordFile = join(folder, '.written.json');
  const written = existsSync(recordFile) ? (JSON.parse(readFileSync(recordFile, 'utf8')) as Record<string, string>) : {};
  const stale: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name);
    const current = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    if (current === undefined || written[name] === hash(current)) {
      mkdirSync(dirname(file), { recursive: true });
      if (current !== text) writeFileSync(file, text);
      written[name] = hash(text);
    } else if (name === 'prometheus.yml' && !Object.values(addresses).every((address) => current.includes(address))) {
      stale.push(file);
    }
  }
  writeFileSync(recordFile, `${JSON.stringify(written, null, 2)}\n`);
  return { folder, prometheus: join(folder, 'prometheus.yml'), alertmanager: join(folder, 'alertmanager.yml'), stale };
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function prometheusYml({ master, monitor, alertmanager }: Addresses): string {
  return `# Written by \`pronoia up\`. Edit it as you like: once edited, it is yours and never written again. Then send the monitor
# SIGHUP, or start anew. The format is Prometheus': https://prometheus.io/docs/prometheus/latest/configuration/configuration/

global:
  scrape_interval: 5s
  scrape_timeout: 5s
  evaluation_interval: 2s

rule_files:
  - rules/*.yml

alerting:
  alertmanagers:
    - static_configs:
        - targets: ['${alertmanager}']

scrape_configs:
  # The servers that watch the cluster.
  - job_name: monitor
    static_configs:
      - targets: ['${monitor}']
  - job_name: alertmanager
    static_configs:
      - targets: ['${alertmanager}']

  # The servers of the cluster, as the master knows them: itself, and every agent with the containers on it, which may be short-lived.
  - job_name: mesos
    scrape_interval: 2s
    scrape_timeout: 2s
    mesos_sd_configs:
      - master: 'http://${master}'
        refresh_interval: 1s
    relabel_configs:
      - source_labels: [__meta_mesos_role]
        regex: master|agent
        action: keep
      - source_labels: [__meta_mesos_role]
        target_label: job
        replacement: mesos-$1
      - source_labels: [__meta_mesos_agent_hostname]
        target_label: agent

  # Whatever runs on the cluster and measures itself: tasks with a port named \`metrics\`, frameworks with a label \`metrics\`.
  # Nothing has to be configured for them; they appear here when they start and disappear when they end.
  - job_name: mesos-tasks
    scrape_interval: 1s
    scrape_timeout: 1s
    mesos_sd_configs:
      - master: 'http://${master}'
        refresh_interval: 1s
    relabel_configs:
      - source_labels: [__meta_mesos_role]
        regex: task|framework
        action: keep
      - source_labels: [__meta_mesos_framework_name]
        target_label: framework
      - source_labels: [__meta_mesos_allocation_role]
        target_label: role
      - source_labels: [__meta_mesos_task_id]
        target_label: task
      - source_labels: [__meta_mesos_agent_hostname]
        target_label: agent
`;
}

const rulesYml = `# Written by \`pronoia up\`; yours once you edit it. The format is Prometheus':
# https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/

groups:
  - name: shipped
    interval: 1s
    rules:
      # Shows that measuring, alerting and notifying work together: it fires as soon as the tasks of any framework have been
      # measured to use more than a twentieth of a core, and is resolved half a minute after the work is done; were it resolved
      # within \`group_wait\`, nobody would hear of it. For real use raise the limit, or say with \`for: 5m\` that only lasting load matters.
      - alert: TaskBusy
        expr: sum by (framework) (resource_usage{resource="cpu"}) > 0.05
        keep_firing_for: 30s
        labels:
          severity: info
        annotations:
          summary: 'Tasks of {{ $labels.framework }} use {{ $value | printf "%.2f" }} cores'
          description: 'Measured by resource_usage{framework="{{ $labels.framework }}"}; the sandbox logs of the tasks are on the page.'

      # A server or task that is known but cannot be measured.
      - alert: TargetDown
        expr: up{job!="mesos-tasks"} == 0
        for: 15s
        labels:
          severity: warning
        annotations:
          summary: '{{ $labels.job }} at {{ $labels.instance }} does not answer'
`;

const alertmanagerYml = `# Written by \`pronoia up\`; yours once you edit it. Then send the alertmanager SIGHUP, or start anew. The format is
# Alertmanager's: https://prometheus.io/docs/alerting/latest/configuration/

route:
  receiver: nobody
  group_by: [alertname, framework]
  group_wait: 1s
  group_interval: 10s
  repeat_interval: 4h

receivers:
  # Alerts appear on the page and go nowhere else. Take one of these as a pattern:
  - name: nobody

  # - name: operators
  #   webhook_configs:
  #     - url: http://127.0.0.1:8080/alerts
  #   email_configs:
  #     - to: operators@example.org
  #       from: pronoia@example.org
  #       smarthost: mail.example.org:587
  #       auth_username: pronoia
  #       auth_password_file: /etc/pronoia/mail-password
`;

/** As the default, but with receivers on this machine: the demonstration's sink. */
export function demoAlertmanagerYml(webhookUrl: string, smtpAddress: string): string {
  return `# Written anew by every \`pronoia demo\`: alerts go to the demonstration's own webhook receiver and mailbox.

global:
  smtp_smarthost: '${smtpAddress}'
  smtp_from: 'alertmanager@pronoia.invalid'
  smtp_require_tls: false

route:
  receiver: demo
  group_by: [alertname, framework]
  group_wait: 1s
  group_interval: 5s
  repeat_interval: 1h

receivers:
  - name: demo
    webhook_configs:
      - url: '${webhookUrl}'
        send_resolved: true
    email_configs:
      - to: 'operator@pronoia.invalid'
        send_resolved: true
`;
}
