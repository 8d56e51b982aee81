// Made by packages/mesos/scripts/generate-messages.ts from packages/mesos/proto/*.proto; change those and run it again.
/**
 * The v1 messages, exactly as they look in JSON: parsed JSON is the value. `bytes` are base64 text; a repeated field may be missing
 * when empty; optional fields with a protobuf default may be missing too (`defaultsOf` tells the defaults).
 */

/** A 64-bit integer: a number, or a bigint where a number would lose digits. */
export type Int64 = number | bigint;

export interface Duration {
  readonly seconds?: Int64;
  readonly nanos?: number;
}

export interface FrameworkID {
  readonly value: string;
}

export interface OfferID {
  readonly value: string;
}

export interface AgentID {
  readonly value: string;
}

export interface TaskID {
  readonly value: string;
}

export interface ExecutorID {
  readonly value: string;
}

export interface ContainerID {
  readonly value: string;
  readonly parent?: ContainerID;
}

export interface ResourceProviderID {
  readonly value: string;
}

export interface OperationID {
  readonly value: string;
}

export interface TimeInfo {
  readonly nanoseconds: Int64;
}

export interface DurationInfo {
  readonly nanoseconds: Int64;
}

export interface Address {
  readonly hostname?: string;
  readonly ip?: string;
  readonly port: number;
}

export interface URL {
  readonly scheme: string;
  readonly address: Address;
  readonly path?: string;
  readonly query?: readonly Parameter[];
  readonly fragment?: string;
}

export interface Unavailability {
  readonly start: TimeInfo;
  readonly duration?: DurationInfo;
}

export interface MachineID {
  readonly hostname?: string;
  readonly ip?: string;
}

export interface MachineInfo {
  readonly id: MachineID;
  readonly mode?: MachineInfoMode;
  readonly unavailability?: Unavailability;
}

export type MachineInfoMode = 'UP' | 'DRAINING' | 'DOWN';

export interface FrameworkInfo {
  readonly user: string;
  readonly name: string;
  readonly id?: FrameworkID;
  readonly failover_timeout?: number;
  readonly checkpoint?: boolean;
  readonly role?: string;
  readonly roles?: readonly string[];
  readonly hostname?: string;
  readonly principal?: string;
  readonly webui_url?: string;
  readonly capabilities?: readonly FrameworkInfoCapability[];
  readonly labels?: Labels;
  readonly offer_filters?: Readonly<Record<string, OfferFilters>>;
}

export interface FrameworkInfoCapability {
  readonly type?: FrameworkInfoCapabilityType;
}

export type FrameworkInfoCapabilityType =
  | 'UNKNOWN'
  | 'REVOCABLE_RESOURCES'
  | 'TASK_KILLING_STATE'
  | 'GPU_RESOURCES'
  | 'SHARED_RESOURCES'
  | 'PARTITION_AWARE'
  | 'MULTI_ROLE'
  | 'RESERVATION_REFINEMENT'
  | 'REGION_AWARE';

export interface CheckInfo {
  readonly type?: CheckInfoType;
  readonly command?: CheckInfoCommand;
  readonly http?: CheckInfoHttp;
  readonly tcp?: CheckInfoTcp;
  readonly delay_seconds?: number;
  readonly interval_seconds?: number;
  readonly timeout_seconds?: number;
}

export type CheckInfoType = 'UNKNOWN' | 'COMMAND' | 'HTTP' | 'TCP';

export interface CheckInfoCommand {
  readonly command: CommandInfo;
}

export interface CheckInfoHttp {
  readonly port: number;
  readonly path?: string;
}

export interface CheckInfoTcp {
  readonly port: number;
}

export interface HealthCheck {
  readonly delay_seconds?: number;
  readonly interval_seconds?: number;
  readonly timeout_seconds?: number;
  readonly consecutive_failures?: number;
  readonly grace_period_seconds?: number;
  readonly type?: HealthCheckType;
  readonly command?: CommandInfo;
  readonly http?: HealthCheckHTTPCheckInfo;
  readonly tcp?: HealthCheckTCPCheckInfo;
}

export type HealthCheckType = 'UNKNOWN' | 'COMMAND' | 'HTTP' | 'TCP';

export interface HealthCheckHTTPCheckInfo {
  readonly protocol?: NetworkInfoProtocol;
  readonly scheme?: string;
  readonly port: number;
  readonly path?: string;
  readonly statuses?: readonly number[];
}

export interface HealthCheckTCPCheckInfo {
  readonly protocol?: NetworkInfoProtocol;
  readonly port: number;
}

export interface KillPolicy {
  readonly grace_period?: DurationInfo;
}

export interface CommandInfo {
  readonly uris?: readonly CommandInfoURI[];
  readonly environment?: Environment;
  readonly shell?: boolean;
  readonly value?: string;
  readonly arguments?: readonly string[];
  readonly user?: string;
}

export interface CommandInfoURI {
  readonly value: string;
  readonly executable?: boolean;
  readonly extract?: boolean;
  readonly cache?: boolean;
  readonly output_file?: string;
}

export interface ExecutorInfo {
  readonly type?: ExecutorInfoType;
  readonly executor_id: ExecutorID;
  readonly framework_id?: FrameworkID;
  readonly command?: CommandInfo;
  readonly container?: ContainerInfo;
  readonly resources?: readonly Resource[];
  readonly name?: string;
  readonly source?: string;
  readonly data?: string;
  readonly discovery?: DiscoveryInfo;
  readonly shutdown_grace_period?: DurationInfo;
  readonly labels?: Labels;
}

export type ExecutorInfoType = 'UNKNOWN' | 'DEFAULT' | 'CUSTOM';

export interface DomainInfo {
  readonly fault_domain?: DomainInfoFaultDomain;
}

export interface DomainInfoFaultDomain {
  readonly region: DomainInfoFaultDomainRegionInfo;
  readonly zone: DomainInfoFaultDomainZoneInfo;
}

export interface DomainInfoFaultDomainRegionInfo {
  readonly name: string;
}

export interface DomainInfoFaultDomainZoneInfo {
  readonly name: string;
}

export interface MasterInfo {
  readonly id: string;
  readonly ip: number;
  readonly port: number;
  readonly pid?: string;
  readonly hostname?: string;
  readonly version?: string;
  readonly address?: Address;
  readonly domain?: DomainInfo;
  readonly capabilities?: readonly MasterInfoCapability[];
}

export interface MasterInfoCapability {
  readonly type?: MasterInfoCapabilityType;
}

export type MasterInfoCapabilityType = 'UNKNOWN' | 'AGENT_UPDATE' | 'AGENT_DRAINING' | 'QUOTA_V2';

export interface AgentInfo {
  readonly hostname: string;
  readonly port?: number;
  readonly resources?: readonly Resource[];
  readonly attributes?: readonly Attribute[];
  readonly id?: AgentID;
  readonly domain?: DomainInfo;
}

export interface AgentInfoCapability {
  readonly type?: AgentInfoCapabilityType;
}

export type AgentInfoCapabilityType =
  | 'UNKNOWN'
  | 'MULTI_ROLE'
  | 'HIERARCHICAL_ROLE'
  | 'RESERVATION_REFINEMENT'
  | 'RESOURCE_PROVIDER'
  | 'RESIZE_VOLUME'
  | 'AGENT_OPERATION_FEEDBACK'
  | 'AGENT_DRAINING'
  | 'TASK_RESOURCE_LIMITS';

export interface CSIPluginContainerInfo {
  readonly services?: readonly CSIPluginContainerInfoService[];
  readonly command?: CommandInfo;
  readonly resources?: readonly Resource[];
  readonly container?: ContainerInfo;
}

export type CSIPluginContainerInfoService = 'UNKNOWN' | 'CONTROLLER_SERVICE' | 'NODE_SERVICE';

export interface CSIPluginEndpoint {
  readonly csi_service: CSIPluginContainerInfoService;
  readonly endpoint: string;
}

export interface CSIPluginInfo {
  readonly type: string;
  readonly name?: string;
  readonly containers?: readonly CSIPluginContainerInfo[];
  readonly endpoints?: readonly CSIPluginEndpoint[];
  readonly target_path_root?: string;
  readonly target_path_exists?: boolean;
}

export interface ResourceProviderInfo {
  readonly id?: ResourceProviderID;
  readonly attributes?: readonly Attribute[];
  readonly type: string;
  readonly name: string;
  readonly default_reservations?: readonly ResourceReservationInfo[];
  readonly storage?: ResourceProviderInfoStorage;
}

export interface ResourceProviderInfoStorage {
  readonly plugin: CSIPluginInfo;
  readonly reconciliation_interval_seconds?: number;
}

export interface Value {
  readonly type: ValueType;
  readonly scalar?: ValueScalar;
  readonly ranges?: ValueRanges;
  readonly set?: ValueSet;
  readonly text?: ValueText;
}

export type ValueType = 'SCALAR' | 'RANGES' | 'SET' | 'TEXT';

export interface ValueScalar {
  readonly value: number;
}

export interface ValueRange {
  readonly begin: number;
  readonly end: number;
}

export interface ValueRanges {
  readonly range?: readonly ValueRange[];
}

export interface ValueSet {
  readonly item?: readonly string[];
}

export interface ValueText {
  readonly value: string;
}

export interface Attribute {
  readonly name: string;
  readonly type: ValueType;
  readonly scalar?: ValueScalar;
  readonly ranges?: ValueRanges;
  readonly set?: ValueSet;
  readonly text?: ValueText;
}

export interface Resource {
  readonly provider_id?: ResourceProviderID;
  readonly name: string;
  readonly type: ValueType;
  readonly scalar?: ValueScalar;
  readonly ranges?: ValueRanges;
  readonly set?: ValueSet;
  readonly role?: string;
  readonly allocation_info?: ResourceAllocationInfo;
  readonly reservation?: ResourceReservationInfo;
  readonly reservations?: readonly ResourceReservationInfo[];
  readonly disk?: ResourceDiskInfo;
  readonly revocable?: ResourceRevocableInfo;
  readonly shared?: ResourceSharedInfo;
}

export interface ResourceAllocationInfo {
  readonly role?: string;
}

export interface ResourceReservationInfo {
  readonly type?: ResourceReservationInfoType;
  readonly role?: string;
  readonly principal?: string;
  readonly labels?: Labels;
}

export type ResourceReservationInfoType = 'UNKNOWN' | 'STATIC' | 'DYNAMIC';

export interface ResourceDiskInfo {
  readonly persistence?: ResourceDiskInfoPersistence;
  readonly volume?: Volume;
  readonly source?: ResourceDiskInfoSource;
}

export interface ResourceDiskInfoPersistence {
  readonly id: string;
  readonly principal?: string;
}

export interface ResourceDiskInfoSource {
  readonly type: ResourceDiskInfoSourceType;
  readonly path?: ResourceDiskInfoSourcePath;
  readonly mount?: ResourceDiskInfoSourceMount;
  readonly vendor?: string;
  readonly id?: string;
  readonly metadata?: Labels;
  readonly profile?: string;
}

export type ResourceDiskInfoSourceType = 'UNKNOWN' | 'PATH' | 'MOUNT' | 'BLOCK' | 'RAW';

export interface ResourceDiskInfoSourcePath {
  readonly root?: string;
}

export interface ResourceDiskInfoSourceMount {
  readonly root?: string;
}

export type ResourceRevocableInfo = Readonly<Record<string, never>>;

export type ResourceSharedInfo = Readonly<Record<string, never>>;

export interface DiskStatistics {
  readonly source?: ResourceDiskInfoSource;
  readonly persistence?: ResourceDiskInfoPersistence;
  readonly limit_bytes?: number;
  readonly used_bytes?: number;
}

export interface ResourceStatistics {
  readonly timestamp: number;
  readonly processes?: number;
  readonly threads?: number;
  readonly cpus_user_time_secs?: number;
  readonly cpus_system_time_secs?: number;
  readonly cpus_limit?: number;
  readonly cpus_soft_limit?: number;
  readonly cpus_nr_periods?: number;
  readonly cpus_nr_throttled?: number;
  readonly cpus_throttled_time_secs?: number;
  readonly mem_total_bytes?: number;
  readonly mem_total_memsw_bytes?: number;
  readonly mem_kmem_usage_bytes?: number;
  readonly mem_kmem_tcp_usage_bytes?: number;
  readonly mem_limit_bytes?: number;
  readonly mem_soft_limit_bytes?: number;
  readonly mem_file_bytes?: number;
  readonly mem_anon_bytes?: number;
  readonly mem_cache_bytes?: number;
  readonly mem_rss_bytes?: number;
  readonly mem_mapped_file_bytes?: number;
  readonly mem_swap_bytes?: number;
  readonly mem_unevictable_bytes?: number;
  readonly mem_low_pressure_counter?: number;
  readonly mem_medium_pressure_counter?: number;
  readonly mem_critical_pressure_counter?: number;
  readonly disk_limit_bytes?: number;
  readonly disk_used_bytes?: number;
  readonly disk_statistics?: readonly DiskStatistics[];
  readonly blkio_statistics?: CgroupInfoBlkioStatistics;
  readonly net_rx_packets?: number;
  readonly net_rx_bytes?: number;
  readonly net_rx_errors?: number;
  readonly net_rx_dropped?: number;
  readonly net_tx_packets?: number;
  readonly net_tx_bytes?: number;
  readonly net_tx_errors?: number;
  readonly net_tx_dropped?: number;
  readonly net_tx_rate_limit?: number;
  readonly net_tx_burst_rate_limit?: number;
  readonly net_tx_burst_size?: number;
  readonly net_rx_rate_limit?: number;
  readonly net_rx_burst_rate_limit?: number;
  readonly net_rx_burst_size?: number;
  readonly net_rate_statistics?: ResourceStatisticsRateStatistics;
  readonly net_ephemeral_ports?: ValueRange;
  readonly net_tcp_rtt_microsecs_p50?: number;
  readonly net_tcp_rtt_microsecs_p90?: number;
  readonly net_tcp_rtt_microsecs_p95?: number;
  readonly net_tcp_rtt_microsecs_p99?: number;
  readonly net_tcp_active_connections?: number;
  readonly net_tcp_time_wait_connections?: number;
}

export interface ResourceStatisticsRatePercentiles {
  readonly min?: number;
  readonly max?: number;
  readonly p50?: number;
  readonly p90?: number;
  readonly p95?: number;
  readonly p99?: number;
  readonly p999?: number;
  readonly p9999?: number;
  readonly samples?: number;
}

export interface ResourceStatisticsRateStatistics {
  readonly rx_rate?: ResourceStatisticsRatePercentiles;
  readonly rx_packet_rate?: ResourceStatisticsRatePercentiles;
  readonly rx_drop_rate?: ResourceStatisticsRatePercentiles;
  readonly rx_error_rate?: ResourceStatisticsRatePercentiles;
  readonly tx_rate?: ResourceStatisticsRatePercentiles;
  readonly tx_packet_rate?: ResourceStatisticsRatePercentiles;
  readonly tx_drop_rate?: ResourceStatisticsRatePercentiles;
  readonly tx_error_rate?: ResourceStatisticsRatePercentiles;
  readonly sampling_window_secs?: number;
  readonly sampling_interval_secs?: number;
}

export interface ResourceUsage {
  readonly executors?: readonly ResourceUsageExecutor[];
  readonly total?: readonly Resource[];
}

export interface ResourceUsageExecutor {
  readonly executor_info: ExecutorInfo;
  readonly allocated?: readonly Resource[];
  readonly statistics?: ResourceStatistics;
  readonly container_id: ContainerID;
  readonly tasks?: readonly ResourceUsageExecutorTask[];
}

export interface ResourceUsageExecutorTask {
  readonly name: string;
  readonly id: TaskID;
  readonly resources?: readonly Resource[];
  readonly labels?: Labels;
}

export interface OfferFilters {
  readonly min_allocatable_resources?: OfferFiltersMinAllocatableResources;
}

export interface OfferFiltersResourceQuantities {
  readonly quantities?: Readonly<Record<string, ValueScalar>>;
}

export interface OfferFiltersMinAllocatableResources {
  readonly quantities?: readonly OfferFiltersResourceQuantities[];
}

export interface Request {
  readonly agent_id?: AgentID;
  readonly resources?: readonly Resource[];
}

export interface Offer {
  readonly id: OfferID;
  readonly framework_id: FrameworkID;
  readonly agent_id: AgentID;
  readonly hostname: string;
  readonly url?: URL;
  readonly domain?: DomainInfo;
  readonly resources?: readonly Resource[];
  readonly attributes?: readonly Attribute[];
  readonly executor_ids?: readonly ExecutorID[];
  readonly unavailability?: Unavailability;
  readonly allocation_info?: ResourceAllocationInfo;
}

export type OfferOperation =
  | { readonly id?: OperationID; readonly type: 'LAUNCH'; readonly launch: OfferOperationLaunch }
  | { readonly id?: OperationID; readonly type: 'LAUNCH_GROUP'; readonly launch_group: OfferOperationLaunchGroup }
  | { readonly id?: OperationID; readonly type: 'RESERVE'; readonly reserve: OfferOperationReserve }
  | { readonly id?: OperationID; readonly type: 'UNRESERVE'; readonly unreserve: OfferOperationUnreserve }
  | { readonly id?: OperationID; readonly type: 'CREATE'; readonly create: OfferOperationCreate }
  | { readonly id?: OperationID; readonly type: 'DESTROY'; readonly destroy: OfferOperationDestroy }
  | { readonly id?: OperationID; readonly type: 'GROW_VOLUME'; readonly grow_volume: OfferOperationGrowVolume }
  | { readonly id?: OperationID; readonly type: 'SHRINK_VOLUME'; readonly shrink_volume: OfferOperationShrinkVolume }
  | { readonly id?: OperationID; readonly type: 'CREATE_DISK'; readonly create_disk: OfferOperationCreateDisk }
  | { readonly id?: OperationID; readonly type: 'DESTROY_DISK'; readonly destroy_disk: OfferOperationDestroyDisk };

export type OfferOperationType =
  | 'UNKNOWN'
  | 'LAUNCH'
  | 'LAUNCH_GROUP'
  | 'RESERVE'
  | 'UNRESERVE'
  | 'CREATE'
  | 'DESTROY'
  | 'GROW_VOLUME'
  | 'SHRINK_VOLUME'
  | 'CREATE_DISK'
  | 'DESTROY_DISK';

export interface OfferOperationLaunch {
  readonly task_infos?: readonly TaskInfo[];
}

export interface OfferOperationLaunchGroup {
  readonly executor: ExecutorInfo;
  readonly task_group: TaskGroupInfo;
}

export interface OfferOperationReserve {
  readonly source?: readonly Resource[];
  readonly resources?: readonly Resource[];
}

export interface OfferOperationUnreserve {
  readonly resources?: readonly Resource[];
}

export interface OfferOperationCreate {
  readonly volumes?: readonly Resource[];
}

export interface OfferOperationDestroy {
  readonly volumes?: readonly Resource[];
}

export interface OfferOperationGrowVolume {
  readonly volume: Resource;
  readonly addition: Resource;
}

export interface OfferOperationShrinkVolume {
  readonly volume: Resource;
  readonly subtract: ValueScalar;
}

export interface OfferOperationCreateDisk {
  readonly source: Resource;
  readonly target_type: ResourceDiskInfoSourceType;
  readonly target_profile?: string;
}

export interface OfferOperationDestroyDisk {
  readonly source: Resource;
}

export interface InverseOffer {
  readonly id: OfferID;
  readonly url?: URL;
  readonly framework_id: FrameworkID;
  readonly agent_id?: AgentID;
  readonly unavailability: Unavailability;
  readonly resources?: readonly Resource[];
}

export interface TaskInfo {
  readonly name: string;
  readonly task_id: TaskID;
  readonly agent_id: AgentID;
  readonly resources?: readonly Resource[];
  readonly executor?: ExecutorInfo;
  readonly command?: CommandInfo;
  readonly container?: ContainerInfo;
  readonly health_check?: HealthCheck;
  readonly check?: CheckInfo;
  readonly kill_policy?: KillPolicy;
  readonly data?: string;
  readonly labels?: Labels;
  readonly discovery?: DiscoveryInfo;
  readonly max_completion_time?: DurationInfo;
  readonly limits?: Readonly<Record<string, ValueScalar>>;
}

export interface TaskGroupInfo {
  readonly tasks?: readonly TaskInfo[];
}

export interface Task {
  readonly name: string;
  readonly task_id: TaskID;
  readonly framework_id: FrameworkID;
  readonly executor_id?: ExecutorID;
  readonly agent_id: AgentID;
  readonly state: TaskState;
  readonly resources?: readonly Resource[];
  readonly statuses?: readonly TaskStatus[];
  readonly status_update_state?: TaskState;
  readonly status_update_uuid?: string;
  readonly labels?: Labels;
  readonly discovery?: DiscoveryInfo;
  readonly container?: ContainerInfo;
  readonly health_check?: HealthCheck;
  readonly kill_policy?: KillPolicy;
  readonly user?: string;
  readonly limits?: Readonly<Record<string, ValueScalar>>;
}

export type TaskState =
  | 'TASK_STAGING'
  | 'TASK_STARTING'
  | 'TASK_RUNNING'
  | 'TASK_KILLING'
  | 'TASK_FINISHED'
  | 'TASK_FAILED'
  | 'TASK_KILLED'
  | 'TASK_ERROR'
  | 'TASK_LOST'
  | 'TASK_DROPPED'
  | 'TASK_UNREACHABLE'
  | 'TASK_GONE'
  | 'TASK_GONE_BY_OPERATOR'
  | 'TASK_UNKNOWN';

export interface TaskResourceLimitation {
  readonly resources?: readonly Resource[];
}

export interface UUID {
  readonly value: string;
}

export interface Operation {
  readonly framework_id?: FrameworkID;
  readonly agent_id?: AgentID;
  readonly info: OfferOperation;
  readonly latest_status: OperationStatus;
  readonly statuses?: readonly OperationStatus[];
  readonly uuid: UUID;
}

export type OperationState =
  | 'OPERATION_UNSUPPORTED'
  | 'OPERATION_PENDING'
  | 'OPERATION_FINISHED'
  | 'OPERATION_FAILED'
  | 'OPERATION_ERROR'
  | 'OPERATION_DROPPED'
  | 'OPERATION_UNREACHABLE'
  | 'OPERATION_GONE_BY_OPERATOR'
  | 'OPERATION_RECOVERING'
  | 'OPERATION_UNKNOWN';

export interface OperationStatus {
  readonly operation_id?: OperationID;
  readonly state: OperationState;
  readonly message?: string;
  readonly converted_resources?: readonly Resource[];
  readonly uuid?: UUID;
  readonly agent_id?: AgentID;
  readonly resource_provider_id?: ResourceProviderID;
}

export interface CheckStatusInfo {
  readonly type?: CheckInfoType;
  readonly command?: CheckStatusInfoCommand;
  readonly http?: CheckStatusInfoHttp;
  readonly tcp?: CheckStatusInfoTcp;
}

export interface CheckStatusInfoCommand {
  readonly exit_code?: number;
}

export interface CheckStatusInfoHttp {
  readonly status_code?: number;
}

export interface CheckStatusInfoTcp {
  readonly succeeded?: boolean;
}

export interface TaskStatus {
  readonly task_id: TaskID;
  readonly state: TaskState;
  readonly message?: string;
  readonly source?: TaskStatusSource;
  readonly reason?: TaskStatusReason;
  readonly data?: string;
  readonly agent_id?: AgentID;
  readonly executor_id?: ExecutorID;
  readonly timestamp?: number;
  readonly uuid?: string;
  readonly healthy?: boolean;
  readonly check_status?: CheckStatusInfo;
  readonly labels?: Labels;
  readonly container_status?: ContainerStatus;
  readonly unreachable_time?: TimeInfo;
  readonly limitation?: TaskResourceLimitation;
}

export type TaskStatusSource = 'SOURCE_MASTER' | 'SOURCE_AGENT' | 'SOURCE_EXECUTOR';

export type TaskStatusReason =
  | 'REASON_COMMAND_EXECUTOR_FAILED'
  | 'REASON_CONTAINER_LAUNCH_FAILED'
  | 'REASON_CONTAINER_LIMITATION'
  | 'REASON_CONTAINER_LIMITATION_DISK'
  | 'REASON_CONTAINER_LIMITATION_MEMORY'
  | 'REASON_CONTAINER_PREEMPTED'
  | 'REASON_CONTAINER_UPDATE_FAILED'
  | 'REASON_MAX_COMPLETION_TIME_REACHED'
  | 'REASON_EXECUTOR_REGISTRATION_TIMEOUT'
  | 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT'
  | 'REASON_EXECUTOR_TERMINATED'
  | 'REASON_EXECUTOR_UNREGISTERED'
  | 'REASON_FRAMEWORK_REMOVED'
  | 'REASON_GC_ERROR'
  | 'REASON_INVALID_FRAMEWORKID'
  | 'REASON_INVALID_OFFERS'
  | 'REASON_IO_SWITCHBOARD_EXITED'
  | 'REASON_MASTER_DISCONNECTED'
  | 'REASON_RECONCILIATION'
  | 'REASON_RESOURCES_UNKNOWN'
  | 'REASON_AGENT_DISCONNECTED'
  | 'REASON_AGENT_DRAINING'
  | 'REASON_AGENT_REMOVED'
  | 'REASON_AGENT_REMOVED_BY_OPERATOR'
  | 'REASON_AGENT_REREGISTERED'
  | 'REASON_AGENT_RESTARTED'
  | 'REASON_AGENT_UNKNOWN'
  | 'REASON_TASK_KILLED_DURING_LAUNCH'
  | 'REASON_TASK_CHECK_STATUS_UPDATED'
  | 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED'
  | 'REASON_TASK_GROUP_INVALID'
  | 'REASON_TASK_GROUP_UNAUTHORIZED'
  | 'REASON_TASK_INVALID'
  | 'REASON_TASK_UNAUTHORIZED'
  | 'REASON_TASK_UNKNOWN';

export interface Filters {
  readonly refuse_seconds?: number;
}

export interface Environment {
  readonly variables?: readonly EnvironmentVariable[];
}

export interface EnvironmentVariable {
  readonly name: string;
  readonly type?: EnvironmentVariableType;
  readonly value?: string;
  readonly secret?: Secret;
}

export type EnvironmentVariableType = 'UNKNOWN' | 'VALUE' | 'SECRET';

export interface Parameter {
  readonly key: string;
  readonly value: string;
}

export interface Parameters {
  readonly parameter?: readonly Parameter[];
}

export interface Credential {
  readonly principal: string;
  readonly secret?: string;
}

export interface Credentials {
  readonly credentials?: readonly Credential[];
}

export interface Secret {
  readonly type?: SecretType;
  readonly reference?: SecretReference;
  readonly value?: SecretValue;
}

export type SecretType = 'UNKNOWN' | 'REFERENCE' | 'VALUE';

export interface SecretReference {
  readonly name: string;
  readonly key?: string;
}

export interface SecretValue {
  readonly data: string;
}

export interface RateLimit {
  readonly qps?: number;
  readonly principal: string;
  readonly capacity?: number;
}

export interface RateLimits {
  readonly limits?: readonly RateLimit[];
  readonly aggregate_default_qps?: number;
  readonly aggregate_default_capacity?: number;
}

export interface Image {
  readonly type: ImageType;
  readonly appc?: ImageAppc;
  readonly docker?: ImageDocker;
  readonly cached?: boolean;
}

export type ImageType = 'APPC' | 'DOCKER';

export interface ImageAppc {
  readonly name: string;
  readonly id?: string;
  readonly labels?: Labels;
}

export interface ImageDocker {
  readonly name: string;
  readonly credential?: Credential;
  readonly config?: Secret;
}

export interface MountPropagation {
  readonly mode?: MountPropagationMode;
}

export type MountPropagationMode = 'UNKNOWN' | 'HOST_TO_CONTAINER' | 'BIDIRECTIONAL';

export interface Volume {
  readonly mode: VolumeMode;
  readonly container_path: string;
  readonly host_path?: string;
  readonly image?: Image;
  readonly source?: VolumeSource;
}

export type VolumeMode = 'RW' | 'RO';

export interface VolumeSource {
  readonly type?: VolumeSourceType;
  readonly docker_volume?: VolumeSourceDockerVolume;
  readonly host_path?: VolumeSourceHostPath;
  readonly sandbox_path?: VolumeSourceSandboxPath;
  readonly secret?: Secret;
  readonly csi_volume?: VolumeSourceCSIVolume;
}

export type VolumeSourceType = 'UNKNOWN' | 'DOCKER_VOLUME' | 'HOST_PATH' | 'SANDBOX_PATH' | 'SECRET' | 'CSI_VOLUME';

export interface VolumeSourceDockerVolume {
  readonly driver?: string;
  readonly name: string;
  readonly driver_options?: Parameters;
}

export interface VolumeSourceHostPath {
  readonly path: string;
  readonly mount_propagation?: MountPropagation;
}

export interface VolumeSourceSandboxPath {
  readonly type?: VolumeSourceSandboxPathType;
  readonly path: string;
}

export type VolumeSourceSandboxPathType = 'UNKNOWN' | 'SELF' | 'PARENT';

export interface VolumeSourceCSIVolume {
  readonly plugin_name: string;
  readonly static_provisioning?: VolumeSourceCSIVolumeStaticProvisioning;
}

export interface VolumeSourceCSIVolumeVolumeCapability {
  readonly access_mode: VolumeSourceCSIVolumeVolumeCapabilityAccessMode;
  readonly block?: VolumeSourceCSIVolumeVolumeCapabilityBlockVolume;
  readonly mount?: VolumeSourceCSIVolumeVolumeCapabilityMountVolume;
}

export type VolumeSourceCSIVolumeVolumeCapabilityBlockVolume = Readonly<Record<string, never>>;

export interface VolumeSourceCSIVolumeVolumeCapabilityMountVolume {
  readonly fs_type?: string;
  readonly mount_flags?: readonly string[];
}

export interface VolumeSourceCSIVolumeVolumeCapabilityAccessMode {
  readonly mode: VolumeSourceCSIVolumeVolumeCapabilityAccessModeMode;
}

export type VolumeSourceCSIVolumeVolumeCapabilityAccessModeMode =
  | 'UNKNOWN'
  | 'SINGLE_NODE_WRITER'
  | 'SINGLE_NODE_READER_ONLY'
  | 'MULTI_NODE_READER_ONLY'
  | 'MULTI_NODE_SINGLE_WRITER'
  | 'MULTI_NODE_MULTI_WRITER';

export interface VolumeSourceCSIVolumeStaticProvisioning {
  readonly volume_id: string;
  readonly volume_capability: VolumeSourceCSIVolumeVolumeCapability;
  readonly node_stage_secrets?: Readonly<Record<string, Secret>>;
  readonly node_publish_secrets?: Readonly<Record<string, Secret>>;
  readonly volume_context?: Readonly<Record<string, string>>;
}

export interface NetworkInfo {
  readonly ip_addresses?: readonly NetworkInfoIPAddress[];
  readonly name?: string;
  readonly groups?: readonly string[];
  readonly labels?: Labels;
  readonly port_mappings?: readonly NetworkInfoPortMapping[];
}

export type NetworkInfoProtocol = 'IPv4' | 'IPv6';

export interface NetworkInfoIPAddress {
  readonly protocol?: NetworkInfoProtocol;
  readonly ip_address?: string;
}

export interface NetworkInfoPortMapping {
  readonly host_port: number;
  readonly container_port: number;
  readonly protocol?: string;
}

export interface CapabilityInfo {
  readonly capabilities?: readonly CapabilityInfoCapability[];
}

export type CapabilityInfoCapability =
  | 'UNKNOWN'
  | 'CHOWN'
  | 'DAC_OVERRIDE'
  | 'DAC_READ_SEARCH'
  | 'FOWNER'
  | 'FSETID'
  | 'KILL'
  | 'SETGID'
  | 'SETUID'
  | 'SETPCAP'
  | 'LINUX_IMMUTABLE'
  | 'NET_BIND_SERVICE'
  | 'NET_BROADCAST'
  | 'NET_ADMIN'
  | 'NET_RAW'
  | 'IPC_LOCK'
  | 'IPC_OWNER'
  | 'SYS_MODULE'
  | 'SYS_RAWIO'
  | 'SYS_CHROOT'
  | 'SYS_PTRACE'
  | 'SYS_PACCT'
  | 'SYS_ADMIN'
  | 'SYS_BOOT'
  | 'SYS_NICE'
  | 'SYS_RESOURCE'
  | 'SYS_TIME'
  | 'SYS_TTY_CONFIG'
  | 'MKNOD'
  | 'LEASE'
  | 'AUDIT_WRITE'
  | 'AUDIT_CONTROL'
  | 'SETFCAP'
  | 'MAC_OVERRIDE'
  | 'MAC_ADMIN'
  | 'SYSLOG'
  | 'WAKE_ALARM'
  | 'BLOCK_SUSPEND'
  | 'AUDIT_READ'
  | 'PERFMON'
  | 'BPF'
  | 'CHECKPOINT_RESTORE';

export interface SeccompInfo {
  readonly profile_name?: string;
  readonly unconfined?: boolean;
}

export interface LinuxInfo {
  readonly capability_info?: CapabilityInfo;
  readonly bounding_capabilities?: CapabilityInfo;
  readonly effective_capabilities?: CapabilityInfo;
  readonly share_pid_namespace?: boolean;
  readonly seccomp?: SeccompInfo;
  readonly ipc_mode?: LinuxInfoIpcMode;
  readonly shm_size?: number;
  readonly share_cgroups?: boolean;
}

export type LinuxInfoIpcMode = 'UNKNOWN' | 'PRIVATE' | 'SHARE_PARENT';

export interface RLimitInfo {
  readonly rlimits?: readonly RLimitInfoRLimit[];
}

export interface RLimitInfoRLimit {
  readonly type?: RLimitInfoRLimitType;
  readonly hard?: number;
  readonly soft?: number;
}

export type RLimitInfoRLimitType =
  | 'UNKNOWN'
  | 'RLMT_AS'
  | 'RLMT_CORE'
  | 'RLMT_CPU'
  | 'RLMT_DATA'
  | 'RLMT_FSIZE'
  | 'RLMT_LOCKS'
  | 'RLMT_MEMLOCK'
  | 'RLMT_MSGQUEUE'
  | 'RLMT_NICE'
  | 'RLMT_NOFILE'
  | 'RLMT_NPROC'
  | 'RLMT_RSS'
  | 'RLMT_RTPRIO'
  | 'RLMT_RTTIME'
  | 'RLMT_SIGPENDING'
  | 'RLMT_STACK';

export interface TTYInfo {
  readonly window_size?: TTYInfoWindowSize;
}

export interface TTYInfoWindowSize {
  readonly rows: number;
  readonly columns: number;
}

export interface ContainerInfo {
  readonly type: ContainerInfoType;
  readonly volumes?: readonly Volume[];
  readonly hostname?: string;
  readonly docker?: ContainerInfoDockerInfo;
  readonly mesos?: ContainerInfoMesosInfo;
  readonly network_infos?: readonly NetworkInfo[];
  readonly linux_info?: LinuxInfo;
  readonly rlimit_info?: RLimitInfo;
  readonly tty_info?: TTYInfo;
}

export type ContainerInfoType = 'DOCKER' | 'MESOS';

export interface ContainerInfoDockerInfo {
  readonly image: string;
  readonly network?: ContainerInfoDockerInfoNetwork;
  readonly port_mappings?: readonly ContainerInfoDockerInfoPortMapping[];
  readonly privileged?: boolean;
  readonly parameters?: readonly Parameter[];
  readonly force_pull_image?: boolean;
  readonly volume_driver?: string;
}

export type ContainerInfoDockerInfoNetwork = 'HOST' | 'BRIDGE' | 'NONE' | 'USER';

export interface ContainerInfoDockerInfoPortMapping {
  readonly host_port: number;
  readonly container_port: number;
  readonly protocol?: string;
}

export interface ContainerInfoMesosInfo {
  readonly image?: Image;
}

export interface ContainerStatus {
  readonly container_id?: ContainerID;
  readonly network_infos?: readonly NetworkInfo[];
  readonly cgroup_info?: CgroupInfo;
  readonly executor_pid?: number;
}

export interface CgroupInfo {
  readonly net_cls?: CgroupInfoNetCls;
}

export type CgroupInfoBlkio = Readonly<Record<string, never>>;

export type CgroupInfoBlkioOperation = 'UNKNOWN' | 'TOTAL' | 'READ' | 'WRITE' | 'SYNC' | 'ASYNC' | 'DISCARD';

export interface CgroupInfoBlkioValue {
  readonly op?: CgroupInfoBlkioOperation;
  readonly value?: number;
}

export type CgroupInfoBlkioCFQ = Readonly<Record<string, never>>;

export interface CgroupInfoBlkioCFQStatistics {
  readonly device?: DeviceNumber;
  readonly sectors?: number;
  readonly time?: number;
  readonly io_serviced?: readonly CgroupInfoBlkioValue[];
  readonly io_service_bytes?: readonly CgroupInfoBlkioValue[];
  readonly io_service_time?: readonly CgroupInfoBlkioValue[];
  readonly io_wait_time?: readonly CgroupInfoBlkioValue[];
  readonly io_merged?: readonly CgroupInfoBlkioValue[];
  readonly io_queued?: readonly CgroupInfoBlkioValue[];
}

export type CgroupInfoBlkioThrottling = Readonly<Record<string, never>>;

export interface CgroupInfoBlkioThrottlingStatistics {
  readonly device?: DeviceNumber;
  readonly io_serviced?: readonly CgroupInfoBlkioValue[];
  readonly io_service_bytes?: readonly CgroupInfoBlkioValue[];
}

export interface CgroupInfoBlkioStatistics {
  readonly cfq?: readonly CgroupInfoBlkioCFQStatistics[];
  readonly cfq_recursive?: readonly CgroupInfoBlkioCFQStatistics[];
  readonly throttling?: readonly CgroupInfoBlkioThrottlingStatistics[];
}

export interface CgroupInfoNetCls {
  readonly classid?: number;
}

export interface Labels {
  readonly labels?: readonly Label[];
}

export interface Label {
  readonly key: string;
  readonly value?: string;
}

export interface Port {
  readonly number: number;
  readonly name?: string;
  readonly protocol?: string;
  readonly visibility?: DiscoveryInfoVisibility;
  readonly labels?: Labels;
}

export interface Ports {
  readonly ports?: readonly Port[];
}

export interface DiscoveryInfo {
  readonly visibility: DiscoveryInfoVisibility;
  readonly name?: string;
  readonly environment?: string;
  readonly location?: string;
  readonly version?: string;
  readonly ports?: Ports;
  readonly labels?: Labels;
}

export type DiscoveryInfoVisibility = 'FRAMEWORK' | 'CLUSTER' | 'EXTERNAL';

export interface WeightInfo {
  readonly weight: number;
  readonly role?: string;
}

export interface VersionInfo {
  readonly version: string;
  readonly build_date?: string;
  readonly build_time?: number;
  readonly build_user?: string;
  readonly git_sha?: string;
  readonly git_branch?: string;
  readonly git_tag?: string;
}

export interface Flag {
  readonly name: string;
  readonly value?: string;
}

export interface Role {
  readonly name: string;
  readonly weight: number;
  readonly frameworks?: readonly FrameworkID[];
  readonly resources?: readonly Resource[];
}

export interface Metric {
  readonly name: string;
  readonly value?: number;
}

export interface FileInfo {
  readonly path: string;
  readonly nlink?: number;
  readonly size?: number;
  readonly mtime?: TimeInfo;
  readonly mode?: number;
  readonly uid?: string;
  readonly gid?: string;
}

export interface Device {
  readonly path?: string;
  readonly number?: DeviceNumber;
}

export interface DeviceNumber {
  readonly major_number: number;
  readonly minor_number: number;
}

export interface DeviceAccess {
  readonly device: Device;
  readonly access: DeviceAccessAccess;
}

export interface DeviceAccessAccess {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly mknod?: boolean;
}

export interface DeviceWhitelist {
  readonly allowed_devices?: readonly DeviceAccess[];
}

export type DrainState = 'UNKNOWN' | 'DRAINING' | 'DRAINED';

export interface DrainConfig {
  readonly max_grace_period?: DurationInfo;
  readonly mark_gone?: boolean;
}

export interface DrainInfo {
  readonly state: DrainState;
  readonly config: DrainConfig;
}

export type AgentCall =
  | { readonly type: 'GET_HEALTH' }
  | { readonly type: 'GET_FLAGS' }
  | { readonly type: 'GET_VERSION' }
  | { readonly type: 'GET_METRICS'; readonly get_metrics?: AgentCallGetMetrics }
  | { readonly type: 'GET_LOGGING_LEVEL' }
  | { readonly type: 'SET_LOGGING_LEVEL'; readonly set_logging_level: AgentCallSetLoggingLevel }
  | { readonly type: 'LIST_FILES'; readonly list_files: AgentCallListFiles }
  | { readonly type: 'READ_FILE'; readonly read_file: AgentCallReadFile }
  | { readonly type: 'GET_STATE' }
  | { readonly type: 'GET_CONTAINERS'; readonly get_containers?: AgentCallGetContainers }
  | { readonly type: 'GET_FRAMEWORKS' }
  | { readonly type: 'GET_EXECUTORS' }
  | { readonly type: 'GET_OPERATIONS' }
  | { readonly type: 'GET_TASKS' }
  | { readonly type: 'GET_AGENT' }
  | { readonly type: 'GET_RESOURCE_PROVIDERS' }
  | { readonly type: 'LAUNCH_NESTED_CONTAINER'; readonly launch_nested_container: AgentCallLaunchNestedContainer }
  | { readonly type: 'WAIT_NESTED_CONTAINER'; readonly wait_nested_container: AgentCallWaitNestedContainer }
  | { readonly type: 'KILL_NESTED_CONTAINER'; readonly kill_nested_container: AgentCallKillNestedContainer }
  | { readonly type: 'REMOVE_NESTED_CONTAINER'; readonly remove_nested_container: AgentCallRemoveNestedContainer }
  | { readonly type: 'LAUNCH_NESTED_CONTAINER_SESSION'; readonly launch_nested_container_session: AgentCallLaunchNestedContainerSession }
  | { readonly type: 'ATTACH_CONTAINER_INPUT'; readonly attach_container_input: AgentCallAttachContainerInput }
  | { readonly type: 'ATTACH_CONTAINER_OUTPUT'; readonly attach_container_output: AgentCallAttachContainerOutput }
  | { readonly type: 'LAUNCH_CONTAINER'; readonly launch_container: AgentCallLaunchContainer }
  | { readonly type: 'WAIT_CONTAINER'; readonly wait_container: AgentCallWaitContainer }
  | { readonly type: 'KILL_CONTAINER'; readonly kill_container: AgentCallKillContainer }
  | { readonly type: 'REMOVE_CONTAINER'; readonly remove_container: AgentCallRemoveContainer }
  | { readonly type: 'ADD_RESOURCE_PROVIDER_CONFIG'; readonly add_resource_provider_config: AgentCallAddResourceProviderConfig }
  | { readonly type: 'UPDATE_RESOURCE_PROVIDER_CONFIG'; readonly update_resource_provider_config: AgentCallUpdateResourceProviderConfig }
  | { readonly type: 'REMOVE_RESOURCE_PROVIDER_CONFIG'; readonly remove_resource_provider_config: AgentCallRemoveResourceProviderConfig }
  | { readonly type: 'MARK_RESOURCE_PROVIDER_GONE'; readonly mark_resource_provider_gone: AgentCallMarkResourceProviderGone }
  | { readonly type: 'PRUNE_IMAGES'; readonly prune_images?: AgentCallPruneImages };

export type AgentCallType =
  | 'UNKNOWN'
  | 'GET_HEALTH'
  | 'GET_FLAGS'
  | 'GET_VERSION'
  | 'GET_METRICS'
  | 'GET_LOGGING_LEVEL'
  | 'SET_LOGGING_LEVEL'
  | 'LIST_FILES'
  | 'READ_FILE'
  | 'GET_STATE'
  | 'GET_CONTAINERS'
  | 'GET_FRAMEWORKS'
  | 'GET_EXECUTORS'
  | 'GET_OPERATIONS'
  | 'GET_TASKS'
  | 'GET_AGENT'
  | 'GET_RESOURCE_PROVIDERS'
  | 'LAUNCH_NESTED_CONTAINER'
  | 'WAIT_NESTED_CONTAINER'
  | 'KILL_NESTED_CONTAINER'
  | 'REMOVE_NESTED_CONTAINER'
  | 'LAUNCH_NESTED_CONTAINER_SESSION'
  | 'ATTACH_CONTAINER_INPUT'
  | 'ATTACH_CONTAINER_OUTPUT'
  | 'LAUNCH_CONTAINER'
  | 'WAIT_CONTAINER'
  | 'KILL_CONTAINER'
  | 'REMOVE_CONTAINER'
  | 'ADD_RESOURCE_PROVIDER_CONFIG'
  | 'UPDATE_RESOURCE_PROVIDER_CONFIG'
  | 'REMOVE_RESOURCE_PROVIDER_CONFIG'
  | 'MARK_RESOURCE_PROVIDER_GONE'
  | 'PRUNE_IMAGES';

export interface AgentCallGetMetrics {
  readonly timeout?: DurationInfo;
}

export interface AgentCallSetLoggingLevel {
  readonly level: number;
  readonly duration: DurationInfo;
}

export interface AgentCallListFiles {
  readonly path: string;
}

export interface AgentCallReadFile {
  readonly path: string;
  readonly offset: number;
  readonly length?: number;
}

export interface AgentCallGetContainers {
  readonly show_nested?: boolean;
  readonly show_standalone?: boolean;
}

export interface AgentCallLaunchNestedContainer {
  readonly container_id: ContainerID;
  readonly command?: CommandInfo;
  readonly container?: ContainerInfo;
}

export interface AgentCallWaitNestedContainer {
  readonly container_id: ContainerID;
}

export interface AgentCallKillNestedContainer {
  readonly container_id: ContainerID;
  readonly signal?: number;
}

export interface AgentCallRemoveNestedContainer {
  readonly container_id: ContainerID;
}

export interface AgentCallLaunchNestedContainerSession {
  readonly container_id: ContainerID;
  readonly command?: CommandInfo;
  readonly container?: ContainerInfo;
}

export interface AgentCallAttachContainerInput {
  readonly type?: AgentCallAttachContainerInputType;
  readonly container_id?: ContainerID;
  readonly process_io?: ProcessIO;
}

export type AgentCallAttachContainerInputType = 'UNKNOWN' | 'CONTAINER_ID' | 'PROCESS_IO';

export interface AgentCallAttachContainerOutput {
  readonly container_id: ContainerID;
}

export interface AgentCallLaunchContainer {
  readonly container_id: ContainerID;
  readonly command?: CommandInfo;
  readonly resources?: readonly Resource[];
  readonly container?: ContainerInfo;
  readonly limits?: Readonly<Record<string, ValueScalar>>;
}

export interface AgentCallWaitContainer {
  readonly container_id: ContainerID;
}

export interface AgentCallKillContainer {
  readonly container_id: ContainerID;
  readonly signal?: number;
}

export interface AgentCallRemoveContainer {
  readonly container_id: ContainerID;
}

export interface AgentCallAddResourceProviderConfig {
  readonly info: ResourceProviderInfo;
}

export interface AgentCallUpdateResourceProviderConfig {
  readonly info: ResourceProviderInfo;
}

export interface AgentCallRemoveResourceProviderConfig {
  readonly type: string;
  readonly name: string;
}

export interface AgentCallMarkResourceProviderGone {
  readonly resource_provider_id: ResourceProviderID;
}

export interface AgentCallPruneImages {
  readonly excluded_images?: readonly Image[];
}

export type AgentResponse =
  | { readonly type: 'GET_HEALTH'; readonly get_health: AgentResponseGetHealth }
  | { readonly type: 'GET_FLAGS'; readonly get_flags: AgentResponseGetFlags }
  | { readonly type: 'GET_VERSION'; readonly get_version: AgentResponseGetVersion }
  | { readonly type: 'GET_METRICS'; readonly get_metrics: AgentResponseGetMetrics }
  | { readonly type: 'GET_LOGGING_LEVEL'; readonly get_logging_level: AgentResponseGetLoggingLevel }
  | { readonly type: 'LIST_FILES'; readonly list_files: AgentResponseListFiles }
  | { readonly type: 'READ_FILE'; readonly read_file: AgentResponseReadFile }
  | { readonly type: 'GET_STATE'; readonly get_state: AgentResponseGetState }
  | { readonly type: 'GET_CONTAINERS'; readonly get_containers: AgentResponseGetContainers }
  | { readonly type: 'GET_FRAMEWORKS'; readonly get_frameworks: AgentResponseGetFrameworks }
  | { readonly type: 'GET_EXECUTORS'; readonly get_executors: AgentResponseGetExecutors }
  | { readonly type: 'GET_OPERATIONS'; readonly get_operations: AgentResponseGetOperations }
  | { readonly type: 'GET_TASKS'; readonly get_tasks: AgentResponseGetTasks }
  | { readonly type: 'GET_AGENT'; readonly get_agent: AgentResponseGetAgent }
  | { readonly type: 'GET_RESOURCE_PROVIDERS'; readonly get_resource_providers: AgentResponseGetResourceProviders }
  | { readonly type: 'WAIT_NESTED_CONTAINER'; readonly wait_nested_container: AgentResponseWaitNestedContainer }
  | { readonly type: 'WAIT_CONTAINER'; readonly wait_container: AgentResponseWaitContainer };

export type AgentResponseType =
  | 'UNKNOWN'
  | 'GET_HEALTH'
  | 'GET_FLAGS'
  | 'GET_VERSION'
  | 'GET_METRICS'
  | 'GET_LOGGING_LEVEL'
  | 'LIST_FILES'
  | 'READ_FILE'
  | 'GET_STATE'
  | 'GET_CONTAINERS'
  | 'GET_FRAMEWORKS'
  | 'GET_EXECUTORS'
  | 'GET_OPERATIONS'
  | 'GET_TASKS'
  | 'GET_AGENT'
  | 'GET_RESOURCE_PROVIDERS'
  | 'WAIT_NESTED_CONTAINER'
  | 'WAIT_CONTAINER';

export interface AgentResponseGetHealth {
  readonly healthy: boolean;
}

export interface AgentResponseGetFlags {
  readonly flags?: readonly Flag[];
}

export interface AgentResponseGetVersion {
  readonly version_info: VersionInfo;
}

export interface AgentResponseGetMetrics {
  readonly metrics?: readonly Metric[];
}

export interface AgentResponseGetLoggingLevel {
  readonly level: number;
}

export interface AgentResponseListFiles {
  readonly file_infos?: readonly FileInfo[];
}

export interface AgentResponseReadFile {
  readonly size: number;
  readonly data: string;
}

export interface AgentResponseGetState {
  readonly get_tasks?: AgentResponseGetTasks;
  readonly get_executors?: AgentResponseGetExecutors;
  readonly get_frameworks?: AgentResponseGetFrameworks;
}

export interface AgentResponseGetContainers {
  readonly containers?: readonly AgentResponseGetContainersContainer[];
}

export interface AgentResponseGetContainersContainer {
  readonly framework_id?: FrameworkID;
  readonly executor_id?: ExecutorID;
  readonly executor_name?: string;
  readonly container_id: ContainerID;
  readonly container_status?: ContainerStatus;
  readonly resource_statistics?: ResourceStatistics;
}

export interface AgentResponseGetFrameworks {
  readonly frameworks?: readonly AgentResponseGetFrameworksFramework[];
  readonly completed_frameworks?: readonly AgentResponseGetFrameworksFramework[];
}

export interface AgentResponseGetFrameworksFramework {
  readonly framework_info: FrameworkInfo;
}

export interface AgentResponseGetExecutors {
  readonly executors?: readonly AgentResponseGetExecutorsExecutor[];
  readonly completed_executors?: readonly AgentResponseGetExecutorsExecutor[];
}

export interface AgentResponseGetExecutorsExecutor {
  readonly executor_info: ExecutorInfo;
}

export interface AgentResponseGetOperations {
  readonly operations?: readonly Operation[];
}

export interface AgentResponseGetTasks {
  readonly pending_tasks?: readonly Task[];
  readonly queued_tasks?: readonly Task[];
  readonly launched_tasks?: readonly Task[];
  readonly terminated_tasks?: readonly Task[];
  readonly completed_tasks?: readonly Task[];
}

export interface AgentResponseGetAgent {
  readonly agent_info?: AgentInfo;
  readonly drain_config?: DrainConfig;
  readonly estimated_drain_start_time?: TimeInfo;
}

export interface AgentResponseGetResourceProviders {
  readonly resource_providers?: readonly AgentResponseGetResourceProvidersResourceProvider[];
}

export interface AgentResponseGetResourceProvidersResourceProvider {
  readonly resource_provider_info: ResourceProviderInfo;
  readonly total_resources?: readonly Resource[];
}

export interface AgentResponseWaitNestedContainer {
  readonly exit_status?: number;
  readonly state?: TaskState;
  readonly reason?: TaskStatusReason;
  readonly limitation?: TaskResourceLimitation;
  readonly message?: string;
}

export interface AgentResponseWaitContainer {
  readonly exit_status?: number;
  readonly state?: TaskState;
  readonly reason?: TaskStatusReason;
  readonly limitation?: TaskResourceLimitation;
  readonly message?: string;
}

export interface ProcessIO {
  readonly type?: ProcessIOType;
  readonly data?: ProcessIOData;
  readonly control?: ProcessIOControl;
}

export type ProcessIOType = 'UNKNOWN' | 'DATA' | 'CONTROL';

export interface ProcessIOData {
  readonly type?: ProcessIODataType;
  readonly data?: string;
}

export type ProcessIODataType = 'UNKNOWN' | 'STDIN' | 'STDOUT' | 'STDERR';

export interface ProcessIOControl {
  readonly type?: ProcessIOControlType;
  readonly tty_info?: TTYInfo;
  readonly heartbeat?: ProcessIOControlHeartbeat;
}

export type ProcessIOControlType = 'UNKNOWN' | 'TTY_INFO' | 'HEARTBEAT';

export interface ProcessIOControlHeartbeat {
  readonly interval?: DurationInfo;
}

export interface InverseOfferStatus {
  readonly status: InverseOfferStatusStatus;
  readonly framework_id: FrameworkID;
  readonly timestamp: TimeInfo;
}

export type InverseOfferStatusStatus = 'UNKNOWN' | 'ACCEPT' | 'DECLINE';

export type ExecutorEvent =
  | { readonly type: 'SUBSCRIBED'; readonly subscribed: ExecutorEventSubscribed }
  | { readonly type: 'LAUNCH'; readonly launch: ExecutorEventLaunch }
  | { readonly type: 'LAUNCH_GROUP'; readonly launch_group: ExecutorEventLaunchGroup }
  | { readonly type: 'KILL'; readonly kill: ExecutorEventKill }
  | { readonly type: 'ACKNOWLEDGED'; readonly acknowledged: ExecutorEventAcknowledged }
  | { readonly type: 'MESSAGE'; readonly message: ExecutorEventMessage }
  | { readonly type: 'ERROR'; readonly error: ExecutorEventError }
  | { readonly type: 'SHUTDOWN' }
  | { readonly type: 'HEARTBEAT' };

export type ExecutorEventType =
  | 'UNKNOWN'
  | 'SUBSCRIBED'
  | 'LAUNCH'
  | 'LAUNCH_GROUP'
  | 'KILL'
  | 'ACKNOWLEDGED'
  | 'MESSAGE'
  | 'ERROR'
  | 'SHUTDOWN'
  | 'HEARTBEAT';

export interface ExecutorEventSubscribed {
  readonly executor_info: ExecutorInfo;
  readonly framework_info: FrameworkInfo;
  readonly agent_info: AgentInfo;
  readonly container_id?: ContainerID;
}

export interface ExecutorEventLaunch {
  readonly task: TaskInfo;
}

export interface ExecutorEventLaunchGroup {
  readonly task_group: TaskGroupInfo;
}

export interface ExecutorEventKill {
  readonly task_id: TaskID;
  readonly kill_policy?: KillPolicy;
}

export interface ExecutorEventAcknowledged {
  readonly task_id: TaskID;
  readonly uuid: string;
}

export interface ExecutorEventMessage {
  readonly data: string;
}

export interface ExecutorEventError {
  readonly message: string;
}

export type ExecutorCall =
  | {
      readonly executor_id: ExecutorID;
      readonly framework_id: FrameworkID;
      readonly type: 'SUBSCRIBE';
      readonly subscribe?: ExecutorCallSubscribe;
    }
  | { readonly executor_id: ExecutorID; readonly framework_id: FrameworkID; readonly type: 'UPDATE'; readonly update: ExecutorCallUpdate }
  | {
      readonly executor_id: ExecutorID;
      readonly framework_id: FrameworkID;
      readonly type: 'MESSAGE';
      readonly message: ExecutorCallMessage;
    }
  | { readonly executor_id: ExecutorID; readonly framework_id: FrameworkID; readonly type: 'HEARTBEAT' };

export type ExecutorCallType = 'UNKNOWN' | 'SUBSCRIBE' | 'UPDATE' | 'MESSAGE' | 'HEARTBEAT';

export interface ExecutorCallSubscribe {
  readonly unacknowledged_tasks?: readonly TaskInfo[];
  readonly unacknowledged_updates?: readonly ExecutorCallUpdate[];
}

export interface ExecutorCallUpdate {
  readonly status: TaskStatus;
}

export interface ExecutorCallMessage {
  readonly data: string;
}

export interface MaintenanceWindow {
  readonly machine_ids?: readonly MachineID[];
  readonly unavailability: Unavailability;
}

export interface MaintenanceSchedule {
  readonly windows?: readonly MaintenanceWindow[];
}

export interface MaintenanceClusterStatus {
  readonly draining_machines?: readonly MaintenanceClusterStatusDrainingMachine[];
  readonly down_machines?: readonly MachineID[];
}

export interface MaintenanceClusterStatusDrainingMachine {
  readonly id: MachineID;
  readonly statuses?: readonly InverseOfferStatus[];
}

export type MasterCall =
  | { readonly type: 'GET_HEALTH' }
  | { readonly type: 'GET_FLAGS' }
  | { readonly type: 'GET_VERSION' }
  | { readonly type: 'GET_METRICS'; readonly get_metrics?: MasterCallGetMetrics }
  | { readonly type: 'GET_LOGGING_LEVEL' }
  | { readonly type: 'SET_LOGGING_LEVEL'; readonly set_logging_level: MasterCallSetLoggingLevel }
  | { readonly type: 'LIST_FILES'; readonly list_files: MasterCallListFiles }
  | { readonly type: 'READ_FILE'; readonly read_file: MasterCallReadFile }
  | { readonly type: 'GET_STATE' }
  | { readonly type: 'GET_AGENTS' }
  | { readonly type: 'GET_FRAMEWORKS' }
  | { readonly type: 'GET_EXECUTORS' }
  | { readonly type: 'GET_OPERATIONS' }
  | { readonly type: 'GET_TASKS' }
  | { readonly type: 'GET_ROLES' }
  | { readonly type: 'GET_WEIGHTS' }
  | { readonly type: 'UPDATE_WEIGHTS'; readonly update_weights: MasterCallUpdateWeights }
  | { readonly type: 'GET_MASTER' }
  | { readonly type: 'SUBSCRIBE' }
  | { readonly type: 'RESERVE_RESOURCES'; readonly reserve_resources: MasterCallReserveResources }
  | { readonly type: 'UNRESERVE_RESOURCES'; readonly unreserve_resources: MasterCallUnreserveResources }
  | { readonly type: 'CREATE_VOLUMES'; readonly create_volumes: MasterCallCreateVolumes }
  | { readonly type: 'DESTROY_VOLUMES'; readonly destroy_volumes: MasterCallDestroyVolumes }
  | { readonly type: 'GROW_VOLUME'; readonly grow_volume: MasterCallGrowVolume }
  | { readonly type: 'SHRINK_VOLUME'; readonly shrink_volume: MasterCallShrinkVolume }
  | { readonly type: 'GET_MAINTENANCE_STATUS' }
  | { readonly type: 'GET_MAINTENANCE_SCHEDULE' }
  | { readonly type: 'UPDATE_MAINTENANCE_SCHEDULE'; readonly update_maintenance_schedule: MasterCallUpdateMaintenanceSchedule }
  | { readonly type: 'START_MAINTENANCE'; readonly start_maintenance: MasterCallStartMaintenance }
  | { readonly type: 'STOP_MAINTENANCE'; readonly stop_maintenance: MasterCallStopMaintenance }
  | { readonly type: 'DRAIN_AGENT'; readonly drain_agent: MasterCallDrainAgent }
  | { readonly type: 'DEACTIVATE_AGENT'; readonly deactivate_agent: MasterCallDeactivateAgent }
  | { readonly type: 'REACTIVATE_AGENT'; readonly reactivate_agent: MasterCallReactivateAgent }
  | { readonly type: 'GET_QUOTA' }
  | { readonly type: 'UPDATE_QUOTA'; readonly update_quota: MasterCallUpdateQuota }
  | { readonly type: 'SET_QUOTA'; readonly set_quota: MasterCallSetQuota }
  | { readonly type: 'REMOVE_QUOTA'; readonly remove_quota: MasterCallRemoveQuota }
  | { readonly type: 'TEARDOWN'; readonly teardown: MasterCallTeardown }
  | { readonly type: 'MARK_AGENT_GONE'; readonly mark_agent_gone: MasterCallMarkAgentGone };

export type MasterCallType =
  | 'UNKNOWN'
  | 'GET_HEALTH'
  | 'GET_FLAGS'
  | 'GET_VERSION'
  | 'GET_METRICS'
  | 'GET_LOGGING_LEVEL'
  | 'SET_LOGGING_LEVEL'
  | 'LIST_FILES'
  | 'READ_FILE'
  | 'GET_STATE'
  | 'GET_AGENTS'
  | 'GET_FRAMEWORKS'
  | 'GET_EXECUTORS'
  | 'GET_OPERATIONS'
  | 'GET_TASKS'
  | 'GET_ROLES'
  | 'GET_WEIGHTS'
  | 'UPDATE_WEIGHTS'
  | 'GET_MASTER'
  | 'SUBSCRIBE'
  | 'RESERVE_RESOURCES'
  | 'UNRESERVE_RESOURCES'
  | 'CREATE_VOLUMES'
  | 'DESTROY_VOLUMES'
  | 'GROW_VOLUME'
  | 'SHRINK_VOLUME'
  | 'GET_MAINTENANCE_STATUS'
  | 'GET_MAINTENANCE_SCHEDULE'
  | 'UPDATE_MAINTENANCE_SCHEDULE'
  | 'START_MAINTENANCE'
  | 'STOP_MAINTENANCE'
  | 'DRAIN_AGENT'
  | 'DEACTIVATE_AGENT'
  | 'REACTIVATE_AGENT'
  | 'GET_QUOTA'
  | 'UPDATE_QUOTA'
  | 'SET_QUOTA'
  | 'REMOVE_QUOTA'
  | 'TEARDOWN'
  | 'MARK_AGENT_GONE';

export interface MasterCallGetMetrics {
  readonly timeout?: DurationInfo;
}

export interface MasterCallSetLoggingLevel {
  readonly level: number;
  readonly duration: DurationInfo;
}

export interface MasterCallListFiles {
  readonly path: string;
}

export interface MasterCallReadFile {
  readonly path: string;
  readonly offset: number;
  readonly length?: number;
}

export interface MasterCallUpdateWeights {
  readonly weight_infos?: readonly WeightInfo[];
}

export interface MasterCallReserveResources {
  readonly agent_id: AgentID;
  readonly source?: readonly Resource[];
  readonly resources?: readonly Resource[];
}

export interface MasterCallUnreserveResources {
  readonly agent_id: AgentID;
  readonly resources?: readonly Resource[];
}

export interface MasterCallCreateVolumes {
  readonly agent_id: AgentID;
  readonly volumes?: readonly Resource[];
}

export interface MasterCallDestroyVolumes {
  readonly agent_id: AgentID;
  readonly volumes?: readonly Resource[];
}

export interface MasterCallGrowVolume {
  readonly agent_id?: AgentID;
  readonly volume: Resource;
  readonly addition: Resource;
}

export interface MasterCallShrinkVolume {
  readonly agent_id?: AgentID;
  readonly volume: Resource;
  readonly subtract: ValueScalar;
}

export interface MasterCallUpdateMaintenanceSchedule {
  readonly schedule: MaintenanceSchedule;
}

export interface MasterCallStartMaintenance {
  readonly machines?: readonly MachineID[];
}

export interface MasterCallStopMaintenance {
  readonly machines?: readonly MachineID[];
}

export interface MasterCallDrainAgent {
  readonly agent_id: AgentID;
  readonly max_grace_period?: Duration;
  readonly mark_gone?: boolean;
}

export interface MasterCallDeactivateAgent {
  readonly agent_id: AgentID;
}

export interface MasterCallReactivateAgent {
  readonly agent_id: AgentID;
}

export interface MasterCallUpdateQuota {
  readonly force?: boolean;
  readonly quota_configs?: readonly QuotaConfig[];
}

export interface MasterCallSetQuota {
  readonly quota_request: QuotaRequest;
}

export interface MasterCallRemoveQuota {
  readonly role: string;
}

export interface MasterCallTeardown {
  readonly framework_id: FrameworkID;
}

export interface MasterCallMarkAgentGone {
  readonly agent_id: AgentID;
}

export type MasterResponse =
  | { readonly type: 'GET_HEALTH'; readonly get_health: MasterResponseGetHealth }
  | { readonly type: 'GET_FLAGS'; readonly get_flags: MasterResponseGetFlags }
  | { readonly type: 'GET_VERSION'; readonly get_version: MasterResponseGetVersion }
  | { readonly type: 'GET_METRICS'; readonly get_metrics: MasterResponseGetMetrics }
  | { readonly type: 'GET_LOGGING_LEVEL'; readonly get_logging_level: MasterResponseGetLoggingLevel }
  | { readonly type: 'LIST_FILES'; readonly list_files: MasterResponseListFiles }
  | { readonly type: 'READ_FILE'; readonly read_file: MasterResponseReadFile }
  | { readonly type: 'GET_STATE'; readonly get_state: MasterResponseGetState }
  | { readonly type: 'GET_AGENTS'; readonly get_agents: MasterResponseGetAgents }
  | { readonly type: 'GET_FRAMEWORKS'; readonly get_frameworks: MasterResponseGetFrameworks }
  | { readonly type: 'GET_EXECUTORS'; readonly get_executors: MasterResponseGetExecutors }
  | { readonly type: 'GET_OPERATIONS'; readonly get_operations: MasterResponseGetOperations }
  | { readonly type: 'GET_TASKS'; readonly get_tasks: MasterResponseGetTasks }
  | { readonly type: 'GET_ROLES'; readonly get_roles: MasterResponseGetRoles }
  | { readonly type: 'GET_WEIGHTS'; readonly get_weights: MasterResponseGetWeights }
  | { readonly type: 'GET_MASTER'; readonly get_master: MasterResponseGetMaster }
  | { readonly type: 'GET_MAINTENANCE_STATUS'; readonly get_maintenance_status: MasterResponseGetMaintenanceStatus }
  | { readonly type: 'GET_MAINTENANCE_SCHEDULE'; readonly get_maintenance_schedule: MasterResponseGetMaintenanceSchedule }
  | { readonly type: 'GET_QUOTA'; readonly get_quota: MasterResponseGetQuota };

export type MasterResponseType =
  | 'UNKNOWN'
  | 'GET_HEALTH'
  | 'GET_FLAGS'
  | 'GET_VERSION'
  | 'GET_METRICS'
  | 'GET_LOGGING_LEVEL'
  | 'LIST_FILES'
  | 'READ_FILE'
  | 'GET_STATE'
  | 'GET_AGENTS'
  | 'GET_FRAMEWORKS'
  | 'GET_EXECUTORS'
  | 'GET_OPERATIONS'
  | 'GET_TASKS'
  | 'GET_ROLES'
  | 'GET_WEIGHTS'
  | 'GET_MASTER'
  | 'GET_MAINTENANCE_STATUS'
  | 'GET_MAINTENANCE_SCHEDULE'
  | 'GET_QUOTA';

export interface MasterResponseGetHealth {
  readonly healthy: boolean;
}

export interface MasterResponseGetFlags {
  readonly flags?: readonly Flag[];
}

export interface MasterResponseGetVersion {
  readonly version_info: VersionInfo;
}

export interface MasterResponseGetMetrics {
  readonly metrics?: readonly Metric[];
}

export interface MasterResponseGetLoggingLevel {
  readonly level: number;
}

export interface MasterResponseListFiles {
  readonly file_infos?: readonly FileInfo[];
}

export interface MasterResponseReadFile {
  readonly size: number;
  readonly data: string;
}

export interface MasterResponseGetState {
  readonly get_tasks?: MasterResponseGetTasks;
  readonly get_executors?: MasterResponseGetExecutors;
  readonly get_frameworks?: MasterResponseGetFrameworks;
  readonly get_agents?: MasterResponseGetAgents;
}

export interface MasterResponseGetAgents {
  readonly agents?: readonly MasterResponseGetAgentsAgent[];
  readonly recovered_agents?: readonly AgentInfo[];
}

export interface MasterResponseGetAgentsAgent {
  readonly agent_info: AgentInfo;
  readonly active: boolean;
  readonly deactivated?: boolean;
  readonly version: string;
  readonly pid?: string;
  readonly registered_time?: TimeInfo;
  readonly reregistered_time?: TimeInfo;
  readonly total_resources?: readonly Resource[];
  readonly allocated_resources?: readonly Resource[];
  readonly offered_resources?: readonly Resource[];
  readonly capabilities?: readonly AgentInfoCapability[];
  readonly resource_providers?: readonly MasterResponseGetAgentsAgentResourceProvider[];
  readonly drain_info?: DrainInfo;
  readonly estimated_drain_start_time?: TimeInfo;
}

export interface MasterResponseGetAgentsAgentResourceProvider {
  readonly resource_provider_info: ResourceProviderInfo;
  readonly total_resources?: readonly Resource[];
}

export interface MasterResponseGetFrameworks {
  readonly frameworks?: readonly MasterResponseGetFrameworksFramework[];
  readonly completed_frameworks?: readonly MasterResponseGetFrameworksFramework[];
  readonly recovered_frameworks?: readonly FrameworkInfo[];
}

export interface MasterResponseGetFrameworksFramework {
  readonly framework_info: FrameworkInfo;
  readonly active: boolean;
  readonly connected: boolean;
  readonly recovered: boolean;
  readonly registered_time?: TimeInfo;
  readonly reregistered_time?: TimeInfo;
  readonly unregistered_time?: TimeInfo;
  readonly offers?: readonly Offer[];
  readonly inverse_offers?: readonly InverseOffer[];
  readonly allocated_resources?: readonly Resource[];
  readonly offered_resources?: readonly Resource[];
  readonly offer_constraints?: OfferConstraints;
}

export interface MasterResponseGetExecutors {
  readonly executors?: readonly MasterResponseGetExecutorsExecutor[];
  readonly orphan_executors?: readonly MasterResponseGetExecutorsExecutor[];
}

export interface MasterResponseGetExecutorsExecutor {
  readonly executor_info: ExecutorInfo;
  readonly agent_id: AgentID;
}

export interface MasterResponseGetOperations {
  readonly operations?: readonly Operation[];
}

export interface MasterResponseGetTasks {
  readonly pending_tasks?: readonly Task[];
  readonly tasks?: readonly Task[];
  readonly unreachable_tasks?: readonly Task[];
  readonly completed_tasks?: readonly Task[];
  readonly orphan_tasks?: readonly Task[];
}

export interface MasterResponseGetRoles {
  readonly roles?: readonly Role[];
}

export interface MasterResponseGetWeights {
  readonly weight_infos?: readonly WeightInfo[];
}

export interface MasterResponseGetMaster {
  readonly master_info?: MasterInfo;
  readonly start_time?: number;
  readonly elected_time?: number;
}

export interface MasterResponseGetMaintenanceStatus {
  readonly status: MaintenanceClusterStatus;
}

export interface MasterResponseGetMaintenanceSchedule {
  readonly schedule: MaintenanceSchedule;
}

export interface MasterResponseGetQuota {
  readonly status: QuotaStatus;
}

export type MasterEvent =
  | { readonly type: 'SUBSCRIBED'; readonly subscribed: MasterEventSubscribed }
  | { readonly type: 'TASK_ADDED'; readonly task_added: MasterEventTaskAdded }
  | { readonly type: 'TASK_UPDATED'; readonly task_updated: MasterEventTaskUpdated }
  | { readonly type: 'AGENT_ADDED'; readonly agent_added: MasterEventAgentAdded }
  | { readonly type: 'AGENT_REMOVED'; readonly agent_removed: MasterEventAgentRemoved }
  | { readonly type: 'FRAMEWORK_ADDED'; readonly framework_added: MasterEventFrameworkAdded }
  | { readonly type: 'FRAMEWORK_UPDATED'; readonly framework_updated: MasterEventFrameworkUpdated }
  | { readonly type: 'FRAMEWORK_REMOVED'; readonly framework_removed: MasterEventFrameworkRemoved }
  | { readonly type: 'HEARTBEAT' };

export type MasterEventType =
  | 'UNKNOWN'
  | 'SUBSCRIBED'
  | 'TASK_ADDED'
  | 'TASK_UPDATED'
  | 'AGENT_ADDED'
  | 'AGENT_REMOVED'
  | 'FRAMEWORK_ADDED'
  | 'FRAMEWORK_UPDATED'
  | 'FRAMEWORK_REMOVED'
  | 'HEARTBEAT';

export interface MasterEventSubscribed {
  readonly get_state?: MasterResponseGetState;
  readonly heartbeat_interval_seconds?: number;
}

export interface MasterEventTaskAdded {
  readonly task: Task;
}

export interface MasterEventTaskUpdated {
  readonly framework_id: FrameworkID;
  readonly status: TaskStatus;
  readonly state: TaskState;
}

export interface MasterEventFrameworkAdded {
  readonly framework: MasterResponseGetFrameworksFramework;
}

export interface MasterEventFrameworkUpdated {
  readonly framework: MasterResponseGetFrameworksFramework;
}

export interface MasterEventFrameworkRemoved {
  readonly framework_info: FrameworkInfo;
}

export interface MasterEventAgentAdded {
  readonly agent: MasterResponseGetAgentsAgent;
}

export interface MasterEventAgentRemoved {
  readonly agent_id: AgentID;
}

export interface QuotaInfo {
  readonly role?: string;
  readonly principal?: string;
  readonly guarantee?: readonly Resource[];
}

export interface QuotaRequest {
  readonly force?: boolean;
  readonly role?: string;
  readonly guarantee?: readonly Resource[];
}

export interface QuotaConfig {
  readonly role: string;
  readonly guarantees?: Readonly<Record<string, ValueScalar>>;
  readonly limits?: Readonly<Record<string, ValueScalar>>;
}

export interface QuotaStatus {
  readonly infos?: readonly QuotaInfo[];
  readonly configs?: readonly QuotaConfig[];
}

export type ResourceProviderEvent =
  | { readonly type: 'SUBSCRIBED'; readonly subscribed: ResourceProviderEventSubscribed }
  | { readonly type: 'APPLY_OPERATION'; readonly apply_operation: ResourceProviderEventApplyOperation }
  | { readonly type: 'PUBLISH_RESOURCES'; readonly publish_resources: ResourceProviderEventPublishResources }
  | {
      readonly type: 'ACKNOWLEDGE_OPERATION_STATUS';
      readonly acknowledge_operation_status: ResourceProviderEventAcknowledgeOperationStatus;
    }
  | { readonly type: 'RECONCILE_OPERATIONS'; readonly reconcile_operations: ResourceProviderEventReconcileOperations }
  | { readonly type: 'TEARDOWN' };

export type ResourceProviderEventType =
  | 'UNKNOWN'
  | 'SUBSCRIBED'
  | 'APPLY_OPERATION'
  | 'PUBLISH_RESOURCES'
  | 'ACKNOWLEDGE_OPERATION_STATUS'
  | 'RECONCILE_OPERATIONS'
  | 'TEARDOWN';

export interface ResourceProviderEventSubscribed {
  readonly provider_id: ResourceProviderID;
}

export interface ResourceProviderEventApplyOperation {
  readonly framework_id?: FrameworkID;
  readonly info: OfferOperation;
  readonly operation_uuid: UUID;
  readonly resource_version_uuid: UUID;
}

export interface ResourceProviderEventPublishResources {
  readonly uuid: UUID;
  readonly resources?: readonly Resource[];
}

export interface ResourceProviderEventAcknowledgeOperationStatus {
  readonly status_uuid: UUID;
  readonly operation_uuid: UUID;
}

export interface ResourceProviderEventReconcileOperations {
  readonly operation_uuids?: readonly UUID[];
}

export type ResourceProviderCall =
  | { readonly resource_provider_id?: ResourceProviderID; readonly type: 'SUBSCRIBE'; readonly subscribe: ResourceProviderCallSubscribe }
  | {
      readonly resource_provider_id?: ResourceProviderID;
      readonly type: 'UPDATE_OPERATION_STATUS';
      readonly update_operation_status: ResourceProviderCallUpdateOperationStatus;
    }
  | {
      readonly resource_provider_id?: ResourceProviderID;
      readonly type: 'UPDATE_STATE';
      readonly update_state: ResourceProviderCallUpdateState;
    }
  | {
      readonly resource_provider_id?: ResourceProviderID;
      readonly type: 'UPDATE_PUBLISH_RESOURCES_STATUS';
      readonly update_publish_resources_status: ResourceProviderCallUpdatePublishResourcesStatus;
    };

export type ResourceProviderCallType =
  | 'UNKNOWN'
  | 'SUBSCRIBE'
  | 'UPDATE_OPERATION_STATUS'
  | 'UPDATE_STATE'
  | 'UPDATE_PUBLISH_RESOURCES_STATUS';

export interface ResourceProviderCallSubscribe {
  readonly resource_provider_info: ResourceProviderInfo;
}

export interface ResourceProviderCallUpdateOperationStatus {
  readonly framework_id?: FrameworkID;
  readonly status: OperationStatus;
  readonly latest_status?: OperationStatus;
  readonly operation_uuid: UUID;
}

export interface ResourceProviderCallUpdateState {
  readonly operations?: readonly Operation[];
  readonly resources?: readonly Resource[];
  readonly resource_version_uuid: UUID;
}

export interface ResourceProviderCallUpdatePublishResourcesStatus {
  readonly uuid: UUID;
  readonly status: ResourceProviderCallUpdatePublishResourcesStatusStatus;
}

export type ResourceProviderCallUpdatePublishResourcesStatusStatus = 'UNKNOWN' | 'OK' | 'FAILED';

export type SchedulerEvent =
  | { readonly type: 'SUBSCRIBED'; readonly subscribed: SchedulerEventSubscribed }
  | { readonly type: 'OFFERS'; readonly offers: SchedulerEventOffers }
  | { readonly type: 'INVERSE_OFFERS'; readonly inverse_offers: SchedulerEventInverseOffers }
  | { readonly type: 'RESCIND'; readonly rescind: SchedulerEventRescind }
  | { readonly type: 'RESCIND_INVERSE_OFFER'; readonly rescind_inverse_offer: SchedulerEventRescindInverseOffer }
  | { readonly type: 'UPDATE'; readonly update: SchedulerEventUpdate }
  | { readonly type: 'UPDATE_OPERATION_STATUS'; readonly update_operation_status: SchedulerEventUpdateOperationStatus }
  | { readonly type: 'MESSAGE'; readonly message: SchedulerEventMessage }
  | { readonly type: 'FAILURE'; readonly failure: SchedulerEventFailure }
  | { readonly type: 'ERROR'; readonly error: SchedulerEventError }
  | { readonly type: 'HEARTBEAT' };

export type SchedulerEventType =
  | 'UNKNOWN'
  | 'SUBSCRIBED'
  | 'OFFERS'
  | 'INVERSE_OFFERS'
  | 'RESCIND'
  | 'RESCIND_INVERSE_OFFER'
  | 'UPDATE'
  | 'UPDATE_OPERATION_STATUS'
  | 'MESSAGE'
  | 'FAILURE'
  | 'ERROR'
  | 'HEARTBEAT';

export interface SchedulerEventSubscribed {
  readonly framework_id: FrameworkID;
  readonly heartbeat_interval_seconds?: number;
  readonly master_info?: MasterInfo;
}

export interface SchedulerEventOffers {
  readonly offers?: readonly Offer[];
}

export interface SchedulerEventInverseOffers {
  readonly inverse_offers?: readonly InverseOffer[];
}

export interface SchedulerEventRescind {
  readonly offer_id: OfferID;
}

export interface SchedulerEventRescindInverseOffer {
  readonly inverse_offer_id: OfferID;
}

export interface SchedulerEventUpdate {
  readonly status: TaskStatus;
}

export interface SchedulerEventUpdateOperationStatus {
  readonly status: OperationStatus;
}

export interface SchedulerEventMessage {
  readonly agent_id: AgentID;
  readonly executor_id: ExecutorID;
  readonly data: string;
}

export interface SchedulerEventFailure {
  readonly agent_id?: AgentID;
  readonly executor_id?: ExecutorID;
  readonly status?: number;
}

export interface SchedulerEventError {
  readonly message: string;
}

export interface SchedulerResponse {
  readonly type?: SchedulerResponseType;
  readonly reconcile_operations?: SchedulerResponseReconcileOperations;
}

export type SchedulerResponseType = 'UNKNOWN' | 'RECONCILE_OPERATIONS';

export interface SchedulerResponseReconcileOperations {
  readonly operation_statuses?: readonly OperationStatus[];
}

export interface AttributeConstraint {
  readonly selector: AttributeConstraintSelector;
  readonly predicate: AttributeConstraintPredicate;
}

export interface AttributeConstraintSelector {
  readonly pseudoattribute_type?: AttributeConstraintSelectorPseudoattributeType;
  readonly attribute_name?: string;
}

export type AttributeConstraintSelectorPseudoattributeType = 'UNKNOWN' | 'HOSTNAME' | 'REGION' | 'ZONE';

export interface AttributeConstraintPredicate {
  readonly exists?: AttributeConstraintPredicateExists;
  readonly not_exists?: AttributeConstraintPredicateNotExists;
  readonly text_equals?: AttributeConstraintPredicateTextEquals;
  readonly text_not_equals?: AttributeConstraintPredicateTextNotEquals;
  readonly text_matches?: AttributeConstraintPredicateTextMatches;
  readonly text_not_matches?: AttributeConstraintPredicateTextNotMatches;
}

export type AttributeConstraintPredicateExists = Readonly<Record<string, never>>;

export type AttributeConstraintPredicateNotExists = Readonly<Record<string, never>>;

export interface AttributeConstraintPredicateTextEquals {
  readonly value: string;
}

export interface AttributeConstraintPredicateTextNotEquals {
  readonly value: string;
}

export interface AttributeConstraintPredicateTextMatches {
  readonly regex: string;
}

export interface AttributeConstraintPredicateTextNotMatches {
  readonly regex: string;
}

export interface OfferConstraints {
  readonly role_constraints?: Readonly<Record<string, OfferConstraintsRoleConstraints>>;
}

export interface OfferConstraintsRoleConstraints {
  readonly groups?: readonly OfferConstraintsRoleConstraintsGroup[];
}

export interface OfferConstraintsRoleConstraintsGroup {
  readonly attribute_constraints?: readonly AttributeConstraint[];
}

export type SchedulerCall =
  | { readonly framework_id?: FrameworkID; readonly type: 'SUBSCRIBE'; readonly subscribe: SchedulerCallSubscribe }
  | { readonly framework_id?: FrameworkID; readonly type: 'TEARDOWN' }
  | { readonly framework_id?: FrameworkID; readonly type: 'ACCEPT'; readonly accept: SchedulerCallAccept }
  | { readonly framework_id?: FrameworkID; readonly type: 'DECLINE'; readonly decline: SchedulerCallDecline }
  | {
      readonly framework_id?: FrameworkID;
      readonly type: 'ACCEPT_INVERSE_OFFERS';
      readonly accept_inverse_offers: SchedulerCallAcceptInverseOffers;
    }
  | {
      readonly framework_id?: FrameworkID;
      readonly type: 'DECLINE_INVERSE_OFFERS';
      readonly decline_inverse_offers: SchedulerCallDeclineInverseOffers;
    }
  | { readonly framework_id?: FrameworkID; readonly type: 'REVIVE'; readonly revive?: SchedulerCallRevive }
  | { readonly framework_id?: FrameworkID; readonly type: 'KILL'; readonly kill: SchedulerCallKill }
  | { readonly framework_id?: FrameworkID; readonly type: 'SHUTDOWN'; readonly shutdown: SchedulerCallShutdown }
  | { readonly framework_id?: FrameworkID; readonly type: 'ACKNOWLEDGE'; readonly acknowledge: SchedulerCallAcknowledge }
  | {
      readonly framework_id?: FrameworkID;
      readonly type: 'ACKNOWLEDGE_OPERATION_STATUS';
      readonly acknowledge_operation_status: SchedulerCallAcknowledgeOperationStatus;
    }
  | { readonly framework_id?: FrameworkID; readonly type: 'RECONCILE'; readonly reconcile: SchedulerCallReconcile }
  | {
      readonly framework_id?: FrameworkID;
      readonly type: 'RECONCILE_OPERATIONS';
      readonly reconcile_operations: SchedulerCallReconcileOperations;
    }
  | { readonly framework_id?: FrameworkID; readonly type: 'MESSAGE'; readonly message: SchedulerCallMessage }
  | { readonly framework_id?: FrameworkID; readonly type: 'REQUEST'; readonly request: SchedulerCallRequest }
  | { readonly framework_id?: FrameworkID; readonly type: 'SUPPRESS'; readonly suppress?: SchedulerCallSuppress }
  | { readonly framework_id?: FrameworkID; readonly type: 'UPDATE_FRAMEWORK'; readonly update_framework: SchedulerCallUpdateFramework };

export type SchedulerCallType =
  | 'UNKNOWN'
  | 'SUBSCRIBE'
  | 'TEARDOWN'
  | 'ACCEPT'
  | 'DECLINE'
  | 'ACCEPT_INVERSE_OFFERS'
  | 'DECLINE_INVERSE_OFFERS'
  | 'REVIVE'
  | 'KILL'
  | 'SHUTDOWN'
  | 'ACKNOWLEDGE'
  | 'ACKNOWLEDGE_OPERATION_STATUS'
  | 'RECONCILE'
  | 'RECONCILE_OPERATIONS'
  | 'MESSAGE'
  | 'REQUEST'
  | 'SUPPRESS'
  | 'UPDATE_FRAMEWORK';

export interface SchedulerCallSubscribe {
  readonly framework_info: FrameworkInfo;
  readonly suppressed_roles?: readonly string[];
  readonly offer_constraints?: OfferConstraints;
}

export interface SchedulerCallAccept {
  readonly offer_ids?: readonly OfferID[];
  readonly operations?: readonly OfferOperation[];
  readonly filters?: Filters;
}

export interface SchedulerCallDecline {
  readonly offer_ids?: readonly OfferID[];
  readonly filters?: Filters;
}

export interface SchedulerCallAcceptInverseOffers {
  readonly inverse_offer_ids?: readonly OfferID[];
  readonly filters?: Filters;
}

export interface SchedulerCallDeclineInverseOffers {
  readonly inverse_offer_ids?: readonly OfferID[];
  readonly filters?: Filters;
}

export interface SchedulerCallRevive {
  readonly roles?: readonly string[];
}

export interface SchedulerCallKill {
  readonly task_id: TaskID;
  readonly agent_id?: AgentID;
  readonly kill_policy?: KillPolicy;
}

export interface SchedulerCallShutdown {
  readonly executor_id: ExecutorID;
  readonly agent_id: AgentID;
}

export interface SchedulerCallAcknowledge {
  readonly agent_id: AgentID;
  readonly task_id: TaskID;
  readonly uuid: string;
}

export interface SchedulerCallAcknowledgeOperationStatus {
  readonly agent_id?: AgentID;
  readonly resource_provider_id?: ResourceProviderID;
  readonly uuid: string;
  readonly operation_id: OperationID;
}

export interface SchedulerCallReconcile {
  readonly tasks?: readonly SchedulerCallReconcileTask[];
}

export interface SchedulerCallReconcileTask {
  readonly task_id: TaskID;
  readonly agent_id?: AgentID;
}

export interface SchedulerCallReconcileOperations {
  readonly operations?: readonly SchedulerCallReconcileOperationsOperation[];
}

export interface SchedulerCallReconcileOperationsOperation {
  readonly operation_id: OperationID;
  readonly agent_id?: AgentID;
  readonly resource_provider_id?: ResourceProviderID;
}

export interface SchedulerCallMessage {
  readonly agent_id: AgentID;
  readonly executor_id: ExecutorID;
  readonly data: string;
}

export interface SchedulerCallRequest {
  readonly requests?: readonly Request[];
}

export interface SchedulerCallSuppress {
  readonly roles?: readonly string[];
}

export interface SchedulerCallUpdateFramework {
  readonly framework_info: FrameworkInfo;
  readonly suppressed_roles?: readonly string[];
  readonly offer_constraints?: OfferConstraints;
}

export interface SchedulerAPIResult {
  readonly status_code: number;
  readonly response?: SchedulerResponse;
  readonly error?: string;
}
