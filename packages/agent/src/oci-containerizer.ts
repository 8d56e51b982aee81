/**
 * Containers with an image (mesos.md §9.9): an OCI bundle under runc or crun, whichever works on this machine. The runtime is the
 * supervisor's command, so everything else — the exit status that outlives the agent, kills, control groups — is as for any process.
 * The image's file system is never written to: each container has an overlay of its own, or a copy where there are no overlays.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerInfo } from '@pronoia/mesos';
import type { Clock, Logger } from '@pronoia/server';
import type { Container, Containerizer, ContainerSpec, ExecSpec, RecoveredSpec } from './containerizer.ts';
import type { ImageStore, StoredImage } from './image-store.ts';
import type { ProcessContainerizer } from './process-containerizer.ts';
import { CONTAINER_ID_VARIABLE, execBeside } from './supervisor.ts';

export interface OciOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** `runc` or `crun`, with its path. */
  readonly runtime: string;
  readonly store: ImageStore;
  /** Root file systems and the runtime's own records. */
  readonly folder: string;
  /** `--sandbox_directory`. */
  readonly innerSandbox: string;
  /** Supervisors and control groups are its. */
  readonly process: ProcessContainerizer;
}

const CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

/** The first runtime that really runs something; a text says why none does. */
export function probeRuntime(candidates: readonly string[]): { readonly runtime: string } | string {
  const faults: string[] = [];
  for (const runtime of candidates) {
    const bundle = mkdtempSync(join(tmpdir(), 'oci-probe-'));
    try {
      mkdirSync(join(bundle, 'rootfs'));
      const mounts = ['/bin', '/usr', '/lib', '/lib64'].filter((path) => existsSync(path)).map((path) => bind(path, path, true));
      const config = configOf({
        argv: ['/bin/true'],
        environment: { PATH: '/usr/bin:/bin' },
        cwd: '/',
        rootfs: join(bundle, 'rootfs'),
        mounts,
      });
      writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
      const argv = ['--root', join(bundle, 'state'), 'run', '--bundle', bundle, `probe-${process.pid}`];
      execFileSync(runtime, argv, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 });
      return { runtime };
    } catch (error) {
      const { stderr, message } = error as { stderr?: Buffer; message: string };
      faults.push(`${runtime}: ${(stderr?.toString().trim() ?? '') || message}`);
    } finally {
      rmSync(bundle, { recursive: true, force: true });
    }
  }
  return faults.join('; ');
}

export class OciContainerizer implements Containerizer {
  readonly name = 'oci';
  readonly #options: OciOptions;

  constructor(options: OciOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true });
  }

  get hasLimits(): boolean {
    return this.#options.process.hasLimits;
  }

  refusal(container: ContainerInfo | undefined): string | undefined {
    if (container?.mesos?.image?.type !== 'DOCKER') return 'container images are supported of type DOCKER only';
    for (const { name, port_mappings } of container.network_infos ?? []) {
      if (name !== undefined || (port_mappings ?? []).length > 0)
        return 'container.network_infos: only the network of the host is to be had here';
    }
    const { share_cgroups: _cgroups, share_pid_namespace: _pids, ...linux } = container.linux_info ?? {};
    if (Object.keys(linux).length > 0) return `container.linux_info.${Object.keys(linux).join(', ')}: not supported`;
    for (const { container_path, image, source } of container.volumes ?? []) {
      if (image !== undefined || (source?.type !== undefined && source.type !== 'SANDBOX_PATH' && source.type !== 'HOST_PATH'))
        return `the volume ${container_path}: only paths of the host and of the sandbox are supported`;
    }
    return undefined;
  }

  async launch(spec: ContainerSpec): Promise<Container> {
    const { runtime, innerSandbox, folder, store } = this.#options;
    const image = await store.take(spec.container?.mesos?.image?.docker?.name ?? '');
    const home = this.#home(spec.containerId);
    mkdirSync(home, { recursive: true });
    try {
      const rootfs = this.#provision(image, home);
      const argv = spec.argv.length > 0 ? spec.argv : [...image.config.entrypoint, ...image.config.command];
      if (argv.length === 0) throw new Error('neither the task nor its image names a program');
      const config = configOf({
        argv,
        environment: { ...image.config.environment, ...spec.environment, [CONTAINER_ID_VARIABLE]: spec.containerId },
        cwd: image.config.workingFolder ?? innerSandbox,
        rootfs,
        ...(spec.user === undefined ? {} : { user: spec.user }),
        ...(spec.container?.hostname === undefined ? {} : { hostname: spec.container.hostname }),
        isSharingPids: spec.container?.linux_info?.share_pid_namespace === true,
        hasTerminal: spec.tty !== undefined,
        cgroupsPath: this.#options.process.innerGroup(spec),
        mounts: [
          ...['/etc/resolv.conf', '/etc/hosts'].filter((path) => existsSync(path)).map((path) => bind(path, path, true)),
          bind(spec.sandbox, innerSandbox, false),
          ...(spec.mounts ?? []).map(({ source, target, isReadOnly }) =>
            bind(source, target.startsWith('/') ? target : join(innerSandbox, target), isReadOnly),
          ),
        ],
      });
      writeFileSync(join(home, 'config.json'), JSON.stringify(config));
      const { user: _user, ...asRoot } = spec;
      const command = [runtime, '--root', join(folder, 'state'), 'run', '--bundle', home, spec.containerId];
      return await this.#options.process.launchInside({ ...asRoot, argv: command }, this.#surroundings(spec.containerId));
    } catch (error) {
      this.#cleanUp(spec.containerId);
      throw error;
    }
  }

  recover(spec: RecoveredSpec): Container {
    return this.#options.process.recoverInside(spec, this.#surroundings(spec.containerId));
  }

  #surroundings(containerId: string) {
    const { runtime, folder, innerSandbox } = this.#options;
    const enter = ({ argv, environment, user }: ExecSpec): readonly string[] => [
      runtime,
      '--root',
      join(folder, 'state'),
      'exec',
      ...Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
      ...(user === undefined ? [] : ['--user', `${user.uid}:${user.gid}`]),
      '--cwd',
      innerSandbox,
      containerId,
      ...argv,
    ];
    return {
      enter,
      exec: (command: ExecSpec, signal: AbortSignal) =>
        execBeside({ containerId, sandbox: folder }, { argv: enter(command), environment: process.env as Record<string, string> }, signal),
      cleanUp: () => this.#cleanUp(containerId),
    };
  }

  #provision(image: StoredImage, home: string): string {
    const rootfs = join(home, 'rootfs');
    mkdirSync(rootfs, { recursive: true });
    try {
      for (const name of ['upper', 'work']) mkdirSync(join(home, name));
      const options = `lowerdir=${image.rootfs},upperdir=${join(home, 'upper')},workdir=${join(home, 'work')}`;
      execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, rootfs], { stdio: ['ignore', 'ignore', 'pipe'] });
    } catch {
      cpSync(image.rootfs, rootfs, { recursive: true, verbatimSymlinks: true });
    }
    return rootfs;
  }

  #cleanUp(containerId: string): void {
    const { runtime, folder, log } = this.#options;
    const home = this.#home(containerId);
    if (!existsSync(home)) return;
    try {
      execFileSync(runtime, ['--root', join(folder, 'state'), 'delete', '--force', containerId], { stdio: 'ignore' });
    } catch {
      // It has deleted itself: that is what a runtime does after its container.
    }
    try {
      execFileSync('umount', ['--lazy', join(home, 'rootfs')], { stdio: 'ignore' });
    } catch {
      // A copy, not an overlay.
    }
    try {
      rmSync(home, { recursive: true, force: true });
    } catch (error) {
      log.warn({ path: home, error: (error as Error).message }, 'The root file system of a container cannot be removed');
    }
  }

  #home(containerId: string): string {
    return join(this.#options.folder, 'containers', containerId);
  }
}

interface Bundle {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly rootfs: string;
  readonly mounts: readonly object[];
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly hostname?: string;
  readonly isSharingPids?: boolean;
  readonly hasTerminal?: boolean;
  readonly cgroupsPath?: string | undefined;
}

const bind = (source: string, destination: string, isReadOnly: boolean): object => ({
  type: 'bind',
  source,
  destination,
  options: ['rbind', isReadOnly ? 'ro' : 'rw'],
});

/** `config.json` of the OCI runtime specification. The host's network, namespaces of its own for all else. */
function configOf(bundle: Bundle): object {
  const namespaces = ['mount', 'ipc', 'uts', ...(bundle.isSharingPids === true ? [] : ['pid'])];
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: bundle.user ?? { uid: 0, gid: 0 },
      args: bundle.argv,
      env: Object.entries(bundle.environment).map(([name, value]) => `${name}=${value}`),
      cwd: bundle.cwd,
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
    },
    root: { path: bundle.rootfs },
    ...(bundle.hostname === undefined ? {} : { hostname: bundle.hostname }),
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
      },
      { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'] },
      { destination: '/sys', type: 'none', source: '/sys', options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'] },
      ...bundle.mounts,
    ],
    linux: {
      namespaces: namespaces.map((type) => ({ type })),
      ...(bundle.cgroupsPath === undefined ? {} : { cgroupsPath: bundle.cgroupsPath }),
      maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}
