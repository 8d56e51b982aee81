// Made by packages/mesos/scripts/generate-messages.ts from packages/mesos/proto/*.proto; change those and run it again.
/**
 * Every message's fields for the codecs: `number name type flags`, flags being `!` required, `[]` repeated, `{}` map from string,
 * `=x` default, `-` deprecated. Enums: name and number.
 */
import type * as m from './messages.ts';

export interface MessageByName {
  Address: m.Address;
  AgentCall: m.AgentCall;
  AgentCallAddResourceProviderConfig: m.AgentCallAddResourceProviderConfig;
  AgentCallAttachContainerInput: m.AgentCallAttachContainerInput;
  AgentCallAttachContainerOutput: m.AgentCallAttachContainerOutput;
  AgentCallGetContainers: m.AgentCallGetContainers;
  AgentCallGetMetrics: m.AgentCallGetMetrics;
  AgentCallKillContainer: m.AgentCallKillContainer;
  AgentCallKillNestedContainer: m.AgentCallKillNestedContainer;
  AgentCallLaunchContainer: m.AgentCallLaunchContainer;
  AgentCallLaunchNestedContainer: m.AgentCallLaunchNestedContainer;
  AgentCallLaunchNestedContainerSession: m.AgentCallLaunchNestedContainerSession;
  AgentCallListFiles: m.AgentCallListFiles;
  AgentCallMarkResourceProviderGone: m.AgentCallMarkResourceProviderGone;
  AgentCallPruneImages: m.AgentCallPruneImages;
  AgentCallReadFile: m.AgentCallReadFile;
  AgentCallRemoveContainer: m.AgentCallRemoveContainer;
  AgentCallRemoveNestedContainer: m.AgentCallRemoveNestedContainer;
  AgentCallRemoveResourceProviderConfig: m.AgentCallRemoveResourceProviderConfig;
  AgentCallSetLoggingLevel: m.AgentCallSetLoggingLevel;
  AgentCallUpdateResourceProviderConfig: m.AgentCallUpdateResourceProviderConfig;
  AgentCallWaitContainer: m.AgentCallWaitContainer;
  AgentCallWaitNestedContainer: m.AgentCallWaitNestedContainer;
  AgentID: m.AgentID;
  AgentInfo: m.AgentInfo;
  AgentInfoCapability: m.AgentInfoCapability;
  AgentResponse: m.AgentResponse;
  AgentResponseGetAgent: m.AgentResponseGetAgent;
  AgentResponseGetContainers: m.AgentResponseGetContainers;
  AgentResponseGetContainersContainer: m.AgentResponseGetContainersContainer;
  AgentResponseGetExecutors: m.AgentResponseGetExecutors;
  AgentResponseGetExecutorsExecutor: m.AgentResponseGetExecutorsExecutor;
  AgentResponseGetFlags: m.AgentResponseGetFlags;
  AgentResponseGetFrameworks: m.AgentResponseGetFrameworks;
  AgentResponseGetFrameworksFramework: m.AgentResponseGetFrameworksFramework;
  AgentResponseGetHealth: m.AgentResponseGetHealth;
  AgentResponseGetLoggingLevel: m.AgentResponseGetLoggingLevel;
  AgentResponseGetMetrics: m.AgentResponseGetMetrics;
  AgentResponseGetOperations: m.AgentResponseGetOperations;
  AgentResponseGetResourceProviders: m.AgentResponseGetResourceProviders;
  AgentResponseGetResourceProvidersResourceProvider: m.AgentResponseGetResourceProvidersResourceProvider;
  AgentResponseGetState: m.AgentResponseGetState;
  AgentResponseGetTasks: m.AgentResponseGetTasks;
  AgentResponseGetVersion: m.AgentResponseGetVersion;
  AgentResponseListFiles: m.AgentResponseListFiles;
  AgentResponseReadFile: m.AgentResponseReadFile;
  AgentResponseWaitContainer: m.AgentResponseWaitContainer;
  AgentResponseWaitNestedContainer: m.AgentResponseWaitNestedContainer;
  Attribute: m.Attribute;
  AttributeConstraint: m.AttributeConstraint;
  AttributeConstraintPredicate: m.AttributeConstraintPredicate;
  AttributeConstraintPredicateExists: m.AttributeConstraintPredicateExists;
  AttributeConstraintPredicateNotExists: m.AttributeConstraintPredicateNotExists;
  AttributeConstraintPredicateTextEquals: m.AttributeConstraintPredicateTextEquals;
  AttributeConstraintPredicateTextMatches: m.AttributeConstraintPredicateTextMatches;
  AttributeConstraintPredicateTextNotEquals: m.AttributeConstraintPredicateTextNotEquals;
  AttributeConstraintPredicateTextNotMatches: m.AttributeConstraintPredicateTextNotMatches;
  AttributeConstraintSelector: m.AttributeConstraintSelector;
  CSIPluginContainerInfo: m.CSIPluginContainerInfo;
  CSIPluginEndpoint: m.CSIPluginEndpoint;
  CSIPluginInfo: m.CSIPluginInfo;
  CapabilityInfo: m.CapabilityInfo;
  CgroupInfo: m.CgroupInfo;
  CgroupInfoBlkio: m.CgroupInfoBlkio;
  CgroupInfoBlkioCFQ: m.CgroupInfoBlkioCFQ;
  CgroupInfoBlkioCFQStatistics: m.CgroupInfoBlkioCFQStatistics;
  CgroupInfoBlkioStatistics: m.CgroupInfoBlkioStatistics;
  CgroupInfoBlkioThrottling: m.CgroupInfoBlkioThrottling;
  CgroupInfoBlkioThrottlingStatistics: m.CgroupInfoBlkioThrottlingStatistics;
  CgroupInfoBlkioValue: m.CgroupInfoBlkioValue;
  CgroupInfoNetCls: m.CgroupInfoNetCls;
  CheckInfo: m.CheckInfo;
  CheckInfoCommand: m.CheckInfoCommand;
  CheckInfoHttp: m.CheckInfoHttp;
  CheckInfoTcp: m.CheckInfoTcp;
  CheckStatusInfo: m.CheckStatusInfo;
  CheckStatusInfoCommand: m.CheckStatusInfoCommand;
  CheckStatusInfoHttp: m.CheckStatusInfoHttp;
  CheckStatusInfoTcp: m.CheckStatusInfoTcp;
  CommandInfo: m.CommandInfo;
  CommandInfoURI: m.CommandInfoURI;
  ContainerID: m.ContainerID;
  ContainerInfo: m.ContainerInfo;
  ContainerInfoDockerInfo: m.ContainerInfoDockerInfo;
  ContainerInfoDockerInfoPortMapping: m.ContainerInfoDockerInfoPortMapping;
  ContainerInfoMesosInfo: m.ContainerInfoMesosInfo;
  ContainerStatus: m.ContainerStatus;
  Credential: m.Credential;
  Credentials: m.Credentials;
  Device: m.Device;
  DeviceAccess: m.DeviceAccess;
  DeviceAccessAccess: m.DeviceAccessAccess;
  DeviceNumber: m.DeviceNumber;
  DeviceWhitelist: m.DeviceWhitelist;
  DiscoveryInfo: m.DiscoveryInfo;
  DiskStatistics: m.DiskStatistics;
  DomainInfo: m.DomainInfo;
  DomainInfoFaultDomain: m.DomainInfoFaultDomain;
  DomainInfoFaultDomainRegionInfo: m.DomainInfoFaultDomainRegionInfo;
  DomainInfoFaultDomainZoneInfo: m.DomainInfoFaultDomainZoneInfo;
  DrainConfig: m.DrainConfig;
  DrainInfo: m.DrainInfo;
  Duration: m.Duration;
  DurationInfo: m.DurationInfo;
  Environment: m.Environment;
  EnvironmentVariable: m.EnvironmentVariable;
  ExecutorCall: m.ExecutorCall;
  ExecutorCallMessage: m.ExecutorCallMessage;
  ExecutorCallSubscribe: m.ExecutorCallSubscribe;
  ExecutorCallUpdate: m.ExecutorCallUpdate;
  ExecutorEvent: m.ExecutorEvent;
  ExecutorEventAcknowledged: m.ExecutorEventAcknowledged;
  ExecutorEventError: m.ExecutorEventError;
  ExecutorEventKill: m.ExecutorEventKill;
  ExecutorEventLaunch: m.ExecutorEventLaunch;
  ExecutorEventLaunchGroup: m.ExecutorEventLaunchGroup;
  ExecutorEventMessage: m.ExecutorEventMessage;
  ExecutorEventSubscribed: m.ExecutorEventSubscribed;
  ExecutorID: m.ExecutorID;
  ExecutorInfo: m.ExecutorInfo;
  FileInfo: m.FileInfo;
  Filters: m.Filters;
  Flag: m.Flag;
  FrameworkID: m.FrameworkID;
  FrameworkInfo: m.FrameworkInfo;
  FrameworkInfoCapability: m.FrameworkInfoCapability;
  HealthCheck: m.HealthCheck;
  HealthCheckHTTPCheckInfo: m.HealthCheckHTTPCheckInfo;
  HealthCheckTCPCheckInfo: m.HealthCheckTCPCheckInfo;
  Image: m.Image;
  ImageAppc: m.ImageAppc;
  ImageDocker: m.ImageDocker;
  InverseOffer: m.InverseOffer;
  InverseOfferStatus: m.InverseOfferStatus;
  KillPolicy: m.KillPolicy;
  Label: m.Label;
  Labels: m.Labels;
  LinuxInfo: m.LinuxInfo;
  MachineID: m.MachineID;
  MachineInfo: m.MachineInfo;
  MaintenanceClusterStatus: m.MaintenanceClusterStatus;
  MaintenanceClusterStatusDrainingMachine: m.MaintenanceClusterStatusDrainingMachine;
  MaintenanceSchedule: m.MaintenanceSchedule;
  MaintenanceWindow: m.MaintenanceWindow;
  MasterCall: m.MasterCall;
  MasterCallCreateVolumes: m.MasterCallCreateVolumes;
  MasterCallDeactivateAgent: m.MasterCallDeactivateAgent;
  MasterCallDestroyVolumes: m.MasterCallDestroyVolumes;
  MasterCallDrainAgent: m.MasterCallDrainAgent;
  MasterCallGetMetrics: m.MasterCallGetMetrics;
  MasterCallGrowVolume: m.MasterCallGrowVolume;
  MasterCallListFiles: m.MasterCallListFiles;
  MasterCallMarkAgentGone: m.MasterCallMarkAgentGone;
  MasterCallReactivateAgent: m.MasterCallReactivateAgent;
  MasterCallReadFile: m.MasterCallReadFile;
  MasterCallRemoveQuota: m.MasterCallRemoveQuota;
  MasterCallReserveResources: m.MasterCallReserveResources;
  MasterCallSetLoggingLevel: m.MasterCallSetLoggingLevel;
  MasterCallSetQuota: m.MasterCallSetQuota;
  MasterCallShrinkVolume: m.MasterCallShrinkVolume;
  MasterCallStartMaintenance: m.MasterCallStartMaintenance;
  MasterCallStopMaintenance: m.MasterCallStopMaintenance;
  MasterCallTeardown: m.MasterCallTeardown;
  MasterCallUnreserveResources: m.MasterCallUnreserveResources;
  MasterCallUpdateMaintenanceSchedule: m.MasterCallUpdateMaintenanceSchedule;
  MasterCallUpdateQuota: m.MasterCallUpdateQuota;
  MasterCallUpdateWeights: m.MasterCallUpdateWeights;
  MasterEvent: m.MasterEvent;
  MasterEventAgentAdded: m.MasterEventAgentAdded;
  MasterEventAgentRemoved: m.MasterEventAgentRemoved;
  MasterEventFrameworkAdded: m.MasterEventFrameworkAdded;
  MasterEventFrameworkRemoved: m.MasterEventFrameworkRemoved;
  MasterEventFrameworkUpdated: m.MasterEventFrameworkUpdated;
  MasterEventSubscribed: m.MasterEventSubscribed;
  MasterEventTaskAdded: m.MasterEventTaskAdded;
  MasterEventTaskUpdated: m.MasterEventTaskUpdated;
  MasterInfo: m.MasterInfo;
  MasterInfoCapability: m.MasterInfoCapability;
  MasterResponse: m.MasterResponse;
  MasterResponseGetAgents: m.MasterResponseGetAgents;
  MasterResponseGetAgentsAgent: m.MasterResponseGetAgentsAgent;
  MasterResponseGetAgentsAgentResourceProvider: m.MasterResponseGetAgentsAgentResourceProvider;
  MasterResponseGetExecutors: m.MasterResponseGetExecutors;
  MasterResponseGetExecutorsExecutor: m.MasterResponseGetExecutorsExecutor;
  MasterResponseGetFlags: m.MasterResponseGetFlags;
  MasterResponseGetFrameworks: m.MasterResponseGetFrameworks;
  MasterResponseGetFrameworksFramework: m.MasterResponseGetFrameworksFramework;
  MasterResponseGetHealth: m.MasterResponseGetHealth;
  MasterResponseGetLoggingLevel: m.MasterResponseGetLoggingLevel;
  MasterResponseGetMaintenanceSchedule: m.MasterResponseGetMaintenanceSchedule;
  MasterResponseGetMaintenanceStatus: m.MasterResponseGetMaintenanceStatus;
  MasterResponseGetMaster: m.MasterResponseGetMaster;
  MasterResponseGetMetrics: m.MasterResponseGetMetrics;
  MasterResponseGetOperations: m.MasterResponseGetOperations;
  MasterResponseGetQuota: m.MasterResponseGetQuota;
  MasterResponseGetRoles: m.MasterResponseGetRoles;
  MasterResponseGetState: m.MasterResponseGetState;
  MasterResponseGetTasks: m.MasterResponseGetTasks;
  MasterResponseGetVersion: m.MasterResponseGetVersion;
  MasterResponseGetWeights: m.MasterResponseGetWeights;
  MasterResponseListFiles: m.MasterResponseListFiles;
  MasterResponseReadFile: m.MasterResponseReadFile;
  Metric: m.Metric;
  MountPropagation: m.MountPropagation;
  NetworkInfo: m.NetworkInfo;
  NetworkInfoIPAddress: m.NetworkInfoIPAddress;
  NetworkInfoPortMapping: m.NetworkInfoPortMapping;
  Offer: m.Offer;
  OfferConstraints: m.OfferConstraints;
  OfferConstraintsRoleConstraints: m.OfferConstraintsRoleConstraints;
  OfferConstraintsRoleConstraintsGroup: m.OfferConstraintsRoleConstraintsGroup;
  OfferFilters: m.OfferFilters;
  OfferFiltersMinAllocatableResources: m.OfferFiltersMinAllocatableResources;
  OfferFiltersResourceQuantities: m.OfferFiltersResourceQuantities;
  OfferID: m.OfferID;
  OfferOperation: m.OfferOperation;
  OfferOperationCreate: m.OfferOperationCreate;
  OfferOperationCreateDisk: m.OfferOperationCreateDisk;
  OfferOperationDestroy: m.OfferOperationDestroy;
  OfferOperationDestroyDisk: m.OfferOperationDestroyDisk;
  OfferOperationGrowVolume: m.OfferOperationGrowVolume;
  OfferOperationLaunch: m.OfferOperationLaunch;
  OfferOperationLaunchGroup: m.OfferOperationLaunchGroup;
  OfferOperationReserve: m.OfferOperationReserve;
  OfferOperationShrinkVolume: m.OfferOperationShrinkVolume;
  OfferOperationUnreserve: m.OfferOperationUnreserve;
  Operation: m.Operation;
  OperationID: m.OperationID;
  OperationStatus: m.OperationStatus;
  Parameter: m.Parameter;
  Parameters: m.Parameters;
  Port: m.Port;
  Ports: m.Ports;
  ProcessIO: m.ProcessIO;
  ProcessIOControl: m.ProcessIOControl;
  ProcessIOControlHeartbeat: m.ProcessIOControlHeartbeat;
  ProcessIOData: m.ProcessIOData;
  QuotaConfig: m.QuotaConfig;
  QuotaInfo: m.QuotaInfo;
  QuotaRequest: m.QuotaRequest;
  QuotaStatus: m.QuotaStatus;
  RLimitInfo: m.RLimitInfo;
  RLimitInfoRLimit: m.RLimitInfoRLimit;
  RateLimit: m.RateLimit;
  RateLimits: m.RateLimits;
  Request: m.Request;
  Resource: m.Resource;
  ResourceAllocationInfo: m.ResourceAllocationInfo;
  ResourceDiskInfo: m.ResourceDiskInfo;
  ResourceDiskInfoPersistence: m.ResourceDiskInfoPersistence;
  ResourceDiskInfoSource: m.ResourceDiskInfoSource;
  ResourceDiskInfoSourceMount: m.ResourceDiskInfoSourceMount;
  ResourceDiskInfoSourcePath: m.ResourceDiskInfoSourcePath;
  ResourceProviderCall: m.ResourceProviderCall;
  ResourceProviderCallSubscribe: m.ResourceProviderCallSubscribe;
  ResourceProviderCallUpdateOperationStatus: m.ResourceProviderCallUpdateOperationStatus;
  ResourceProviderCallUpdatePublishResourcesStatus: m.ResourceProviderCallUpdatePublishResourcesStatus;
  ResourceProviderCallUpdateState: m.ResourceProviderCallUpdateState;
  ResourceProviderEvent: m.ResourceProviderEvent;
  ResourceProviderEventAcknowledgeOperationStatus: m.ResourceProviderEventAcknowledgeOperationStatus;
  ResourceProviderEventApplyOperation: m.ResourceProviderEventApplyOperation;
  ResourceProviderEventPublishResources: m.ResourceProviderEventPublishResources;
  ResourceProviderEventReconcileOperations: m.ResourceProviderEventReconcileOperations;
  ResourceProviderEventSubscribed: m.ResourceProviderEventSubscribed;
  ResourceProviderID: m.ResourceProviderID;
  ResourceProviderInfo: m.ResourceProviderInfo;
  ResourceProviderInfoStorage: m.ResourceProviderInfoStorage;
  ResourceReservationInfo: m.ResourceReservationInfo;
  ResourceRevocableInfo: m.ResourceRevocableInfo;
  ResourceSharedInfo: m.ResourceSharedInfo;
  ResourceStatistics: m.ResourceStatistics;
  ResourceStatisticsRatePercentiles: m.ResourceStatisticsRatePercentiles;
  ResourceStatisticsRateStatistics: m.ResourceStatisticsRateStatistics;
  ResourceUsage: m.ResourceUsage;
  ResourceUsageExecutor: m.ResourceUsageExecutor;
  ResourceUsageExecutorTask: m.ResourceUsageExecutorTask;
  Role: m.Role;
  SchedulerAPIResult: m.SchedulerAPIResult;
  SchedulerCall: m.SchedulerCall;
  SchedulerCallAccept: m.SchedulerCallAccept;
  SchedulerCallAcceptInverseOffers: m.SchedulerCallAcceptInverseOffers;
  SchedulerCallAcknowledge: m.SchedulerCallAcknowledge;
  SchedulerCallAcknowledgeOperationStatus: m.SchedulerCallAcknowledgeOperationStatus;
  SchedulerCallDecline: m.SchedulerCallDecline;
  SchedulerCallDeclineInverseOffers: m.SchedulerCallDeclineInverseOffers;
  SchedulerCallKill: m.SchedulerCallKill;
  SchedulerCallMessage: m.SchedulerCallMessage;
  SchedulerCallReconcile: m.SchedulerCallReconcile;
  SchedulerCallReconcileOperations: m.SchedulerCallReconcileOperations;
  SchedulerCallReconcileOperationsOperation: m.SchedulerCallReconcileOperationsOperation;
  SchedulerCallReconcileTask: m.SchedulerCallReconcileTask;
  SchedulerCallRequest: m.SchedulerCallRequest;
  SchedulerCallRevive: m.SchedulerCallRevive;
  SchedulerCallShutdown: m.SchedulerCallShutdown;
  SchedulerCallSubscribe: m.SchedulerCallSubscribe;
  SchedulerCallSuppress: m.SchedulerCallSuppress;
  SchedulerCallUpdateFramework: m.SchedulerCallUpdateFramework;
  SchedulerEvent: m.SchedulerEvent;
  SchedulerEventError: m.SchedulerEventError;
  SchedulerEventFailure: m.SchedulerEventFailure;
  SchedulerEventInverseOffers: m.SchedulerEventInverseOffers;
  SchedulerEventMessage: m.SchedulerEventMessage;
  SchedulerEventOffers: m.SchedulerEventOffers;
  SchedulerEventRescind: m.SchedulerEventRescind;
  SchedulerEventRescindInverseOffer: m.SchedulerEventRescindInverseOffer;
  SchedulerEventSubscribed: m.SchedulerEventSubscribed;
  SchedulerEventUpdate: m.SchedulerEventUpdate;
  SchedulerEventUpdateOperationStatus: m.SchedulerEventUpdateOperationStatus;
  SchedulerResponse: m.SchedulerResponse;
  SchedulerResponseReconcileOperations: m.SchedulerResponseReconcileOperations;
  SeccompInfo: m.SeccompInfo;
  Secret: m.Secret;
  SecretReference: m.SecretReference;
  SecretValue: m.SecretValue;
  TTYInfo: m.TTYInfo;
  TTYInfoWindowSize: m.TTYInfoWindowSize;
  Task: m.Task;
  TaskGroupInfo: m.TaskGroupInfo;
  TaskID: m.TaskID;
  TaskInfo: m.TaskInfo;
  TaskResourceLimitation: m.TaskResourceLimitation;
  TaskStatus: m.TaskStatus;
  TimeInfo: m.TimeInfo;
  URL: m.URL;
  UUID: m.UUID;
  Unavailability: m.Unavailability;
  Value: m.Value;
  ValueRange: m.ValueRange;
  ValueRanges: m.ValueRanges;
  ValueScalar: m.ValueScalar;
  ValueSet: m.ValueSet;
  ValueText: m.ValueText;
  VersionInfo: m.VersionInfo;
  Volume: m.Volume;
  VolumeSource: m.VolumeSource;
  VolumeSourceCSIVolume: m.VolumeSourceCSIVolume;
  VolumeSourceCSIVolumeStaticProvisioning: m.VolumeSourceCSIVolumeStaticProvisioning;
  VolumeSourceCSIVolumeVolumeCapability: m.VolumeSourceCSIVolumeVolumeCapability;
  VolumeSourceCSIVolumeVolumeCapabilityAccessMode: m.VolumeSourceCSIVolumeVolumeCapabilityAccessMode;
  VolumeSourceCSIVolumeVolumeCapabilityBlockVolume: m.VolumeSourceCSIVolumeVolumeCapabilityBlockVolume;
  VolumeSourceCSIVolumeVolumeCapabilityMountVolume: m.VolumeSourceCSIVolumeVolumeCapabilityMountVolume;
  VolumeSourceDockerVolume: m.VolumeSourceDockerVolume;
  VolumeSourceHostPath: m.VolumeSourceHostPath;
  VolumeSourceSandboxPath: m.VolumeSourceSandboxPath;
  WeightInfo: m.WeightInfo;
}

export const messageTable: Readonly<Record<keyof MessageByName, string>> = {
  Address: '1 hostname string; 2 ip string; 3 port int32 !',
  AgentCall:
    '1 type AgentCallType; 2 get_metrics AgentCallGetMetrics; 3 set_logging_level AgentCallSetLoggingLevel; 4 list_files AgentCallListFiles; 5 read_file AgentCallReadFile; 20 get_containers AgentCallGetContainers; 6 launch_nested_container AgentCallLaunchNestedContainer -; 7 wait_nested_container AgentCallWaitNestedContainer -; 8 kill_nested_container AgentCallKillNestedContainer -; 12 remove_nested_container AgentCallRemoveNestedContainer -; 9 launch_nested_container_session AgentCallLaunchNestedContainerSession; 10 attach_container_input AgentCallAttachContainerInput; 11 attach_container_output AgentCallAttachContainerOutput; 13 launch_container AgentCallLaunchContainer; 14 wait_container AgentCallWaitContainer; 15 kill_container AgentCallKillContainer; 16 remove_container AgentCallRemoveContainer; 17 add_resource_provider_config AgentCallAddResourceProviderConfig; 18 update_resource_provider_config AgentCallUpdateResourceProviderConfig; 19 remove_resource_provider_config AgentCallRemoveResourceProviderConfig; 22 mark_resource_provider_gone AgentCallMarkResourceProviderGone; 21 prune_images AgentCallPruneImages',
  AgentCallAddResourceProviderConfig: '1 info ResourceProviderInfo !',
  AgentCallAttachContainerInput: '1 type AgentCallAttachContainerInputType; 2 container_id ContainerID; 3 process_io ProcessIO',
  AgentCallAttachContainerOutput: '1 container_id ContainerID !',
  AgentCallGetContainers: '1 show_nested bool; 2 show_standalone bool',
  AgentCallGetMetrics: '1 timeout DurationInfo',
  AgentCallKillContainer: '1 container_id ContainerID !; 2 signal int32',
  AgentCallKillNestedContainer: '1 container_id ContainerID !; 2 signal int32',
  AgentCallLaunchContainer:
    '1 container_id ContainerID !; 2 command CommandInfo; 3 resources Resource []; 4 container ContainerInfo; 5 limits ValueScalar {}',
  AgentCallLaunchNestedContainer: '1 container_id ContainerID !; 2 command CommandInfo; 3 container ContainerInfo',
  AgentCallLaunchNestedContainerSession: '1 container_id ContainerID !; 2 command CommandInfo; 3 container ContainerInfo',
  AgentCallListFiles: '1 path string !',
  AgentCallMarkResourceProviderGone: '1 resource_provider_id ResourceProviderID !',
  AgentCallPruneImages: '1 excluded_images Image []',
  AgentCallReadFile: '1 path string !; 2 offset uint64 !; 3 length uint64',
  AgentCallRemoveContainer: '1 container_id ContainerID !',
  AgentCallRemoveNestedContainer: '1 container_id ContainerID !',
  AgentCallRemoveResourceProviderConfig: '1 type string !; 2 name string !',
  AgentCallSetLoggingLevel: '1 level uint32 !; 2 duration DurationInfo !',
  AgentCallUpdateResourceProviderConfig: '1 info ResourceProviderInfo !',
  AgentCallWaitContainer: '1 container_id ContainerID !',
  AgentCallWaitNestedContainer: '1 container_id ContainerID !',
  AgentID: '1 value string !',
  AgentInfo:
    '1 hostname string !; 8 port int32 =5051; 3 resources Resource []; 5 attributes Attribute []; 6 id AgentID; 10 domain DomainInfo',
  AgentInfoCapability: '1 type AgentInfoCapabilityType',
  AgentResponse:
    '1 type AgentResponseType; 2 get_health AgentResponseGetHealth; 3 get_flags AgentResponseGetFlags; 4 get_version AgentResponseGetVersion; 5 get_metrics AgentResponseGetMetrics; 6 get_logging_level AgentResponseGetLoggingLevel; 7 list_files AgentResponseListFiles; 8 read_file AgentResponseReadFile; 9 get_state AgentResponseGetState; 10 get_containers AgentResponseGetContainers; 11 get_frameworks AgentResponseGetFrameworks; 12 get_executors AgentResponseGetExecutors; 18 get_operations AgentResponseGetOperations; 13 get_tasks AgentResponseGetTasks; 15 get_agent AgentResponseGetAgent; 17 get_resource_providers AgentResponseGetResourceProviders; 14 wait_nested_container AgentResponseWaitNestedContainer; 16 wait_container AgentResponseWaitContainer',
  AgentResponseGetAgent: '1 agent_info AgentInfo; 2 drain_config DrainConfig; 3 estimated_drain_start_time TimeInfo',
  AgentResponseGetContainers: '1 containers AgentResponseGetContainersContainer []',
  AgentResponseGetContainersContainer:
    '1 framework_id FrameworkID; 2 executor_id ExecutorID; 3 executor_name string; 4 container_id ContainerID !; 5 container_status ContainerStatus; 6 resource_statistics ResourceStatistics',
  AgentResponseGetExecutors: '1 executors AgentResponseGetExecutorsExecutor []; 2 completed_executors AgentResponseGetExecutorsExecutor []',
  AgentResponseGetExecutorsExecutor: '1 executor_info ExecutorInfo !',
  AgentResponseGetFlags: '1 flags Flag []',
  AgentResponseGetFrameworks:
    '1 frameworks AgentResponseGetFrameworksFramework []; 2 completed_frameworks AgentResponseGetFrameworksFramework []',
  AgentResponseGetFrameworksFramework: '1 framework_info FrameworkInfo !',
  AgentResponseGetHealth: '1 healthy bool !',
  AgentResponseGetLoggingLevel: '1 level uint32 !',
  AgentResponseGetMetrics: '1 metrics Metric []',
  AgentResponseGetOperations: '1 operations Operation []',
  AgentResponseGetResourceProviders: '1 resource_providers AgentResponseGetResourceProvidersResourceProvider []',
  AgentResponseGetResourceProvidersResourceProvider: '1 resource_provider_info ResourceProviderInfo !; 2 total_resources Resource []',
  AgentResponseGetState:
    '1 get_tasks AgentResponseGetTasks; 2 get_executors AgentResponseGetExecutors; 3 get_frameworks AgentResponseGetFrameworks',
  AgentResponseGetTasks:
    '1 pending_tasks Task []; 2 queued_tasks Task []; 3 launched_tasks Task []; 4 terminated_tasks Task []; 5 completed_tasks Task []',
  AgentResponseGetVersion: '1 version_info VersionInfo !',
  AgentResponseListFiles: '1 file_infos FileInfo []',
  AgentResponseReadFile: '1 size uint64 !; 2 data bytes !',
  AgentResponseWaitContainer:
    '1 exit_status int32; 2 state TaskState; 3 reason TaskStatusReason; 4 limitation TaskResourceLimitation; 5 message string',
  AgentResponseWaitNestedContainer:
    '1 exit_status int32; 2 state TaskState; 3 reason TaskStatusReason; 4 limitation TaskResourceLimitation; 5 message string',
  Attribute: '1 name string !; 2 type ValueType !; 3 scalar ValueScalar; 4 ranges ValueRanges; 6 set ValueSet; 5 text ValueText',
  AttributeConstraint: '1 selector AttributeConstraintSelector !; 2 predicate AttributeConstraintPredicate !',
  AttributeConstraintPredicate:
    '1 exists AttributeConstraintPredicateExists; 2 not_exists AttributeConstraintPredicateNotExists; 3 text_equals AttributeConstraintPredicateTextEquals; 4 text_not_equals AttributeConstraintPredicateTextNotEquals; 5 text_matches AttributeConstraintPredicateTextMatches; 6 text_not_matches AttributeConstraintPredicateTextNotMatches',
  AttributeConstraintPredicateExists: '',
  AttributeConstraintPredicateNotExists: '',
  AttributeConstraintPredicateTextEquals: '1 value string !',
  AttributeConstraintPredicateTextMatches: '1 regex string !',
  AttributeConstraintPredicateTextNotEquals: '1 value string !',
  AttributeConstraintPredicateTextNotMatches: '1 regex string !',
  AttributeConstraintSelector: '1 pseudoattribute_type AttributeConstraintSelectorPseudoattributeType; 2 attribute_name string',
  CSIPluginContainerInfo:
    '1 services CSIPluginContainerInfoService []; 2 command CommandInfo; 3 resources Resource []; 4 container ContainerInfo',
  CSIPluginEndpoint: '1 csi_service CSIPluginContainerInfoService !; 2 endpoint string !',
  CSIPluginInfo:
    '1 type string !; 2 name string =default; 3 containers CSIPluginContainerInfo []; 4 endpoints CSIPluginEndpoint []; 5 target_path_root string; 6 target_path_exists bool',
  CapabilityInfo: '1 capabilities CapabilityInfoCapability []',
  CgroupInfo: '1 net_cls CgroupInfoNetCls',
  CgroupInfoBlkio: '',
  CgroupInfoBlkioCFQ: '',
  CgroupInfoBlkioCFQStatistics:
    '1 device DeviceNumber; 2 sectors uint64; 3 time uint64; 4 io_serviced CgroupInfoBlkioValue []; 5 io_service_bytes CgroupInfoBlkioValue []; 6 io_service_time CgroupInfoBlkioValue []; 7 io_wait_time CgroupInfoBlkioValue []; 8 io_merged CgroupInfoBlkioValue []; 9 io_queued CgroupInfoBlkioValue []',
  CgroupInfoBlkioStatistics:
    '1 cfq CgroupInfoBlkioCFQStatistics []; 2 cfq_recursive CgroupInfoBlkioCFQStatistics []; 3 throttling CgroupInfoBlkioThrottlingStatistics []',
  CgroupInfoBlkioThrottling: '',
  CgroupInfoBlkioThrottlingStatistics:
    '1 device DeviceNumber; 2 io_serviced CgroupInfoBlkioValue []; 3 io_service_bytes CgroupInfoBlkioValue []',
  CgroupInfoBlkioValue: '1 op CgroupInfoBlkioOperation; 2 value uint64',
  CgroupInfoNetCls: '1 classid uint32',
  CheckInfo:
    '1 type CheckInfoType; 2 command CheckInfoCommand; 3 http CheckInfoHttp; 7 tcp CheckInfoTcp; 4 delay_seconds double =15.0; 5 interval_seconds double =10.0; 6 timeout_seconds double =20.0',
  CheckInfoCommand: '1 command CommandInfo !',
  CheckInfoHttp: '1 port uint32 !; 2 path string',
  CheckInfoTcp: '1 port uint32 !',
  CheckStatusInfo: '1 type CheckInfoType; 2 command CheckStatusInfoCommand; 3 http CheckStatusInfoHttp; 4 tcp CheckStatusInfoTcp',
  CheckStatusInfoCommand: '1 exit_code int32',
  CheckStatusInfoHttp: '1 status_code uint32',
  CheckStatusInfoTcp: '1 succeeded bool',
  CommandInfo:
    '1 uris CommandInfoURI []; 2 environment Environment; 6 shell bool =true; 3 value string; 7 arguments string []; 5 user string',
  CommandInfoURI: '1 value string !; 2 executable bool; 3 extract bool =true; 4 cache bool; 5 output_file string',
  ContainerID: '1 value string !; 2 parent ContainerID',
  ContainerInfo:
    '1 type ContainerInfoType !; 2 volumes Volume []; 4 hostname string; 3 docker ContainerInfoDockerInfo; 5 mesos ContainerInfoMesosInfo; 7 network_infos NetworkInfo []; 8 linux_info LinuxInfo; 9 rlimit_info RLimitInfo; 10 tty_info TTYInfo',
  ContainerInfoDockerInfo:
    '1 image string !; 2 network ContainerInfoDockerInfoNetwork =HOST; 3 port_mappings ContainerInfoDockerInfoPortMapping []; 4 privileged bool =false; 5 parameters Parameter []; 6 force_pull_image bool; 7 volume_driver string -',
  ContainerInfoDockerInfoPortMapping: '1 host_port uint32 !; 2 container_port uint32 !; 3 protocol string',
  ContainerInfoMesosInfo: '1 image Image',
  ContainerStatus: '4 container_id ContainerID; 1 network_infos NetworkInfo []; 2 cgroup_info CgroupInfo; 3 executor_pid uint32',
  Credential: '1 principal string !; 2 secret string',
  Credentials: '1 credentials Credential []',
  Device: '1 path string; 2 number DeviceNumber',
  DeviceAccess: '1 device Device !; 2 access DeviceAccessAccess !',
  DeviceAccessAccess: '1 read bool; 2 write bool; 3 mknod bool',
  DeviceNumber: '1 major_number uint64 !; 2 minor_number uint64 !',
  DeviceWhitelist: '1 allowed_devices DeviceAccess []',
  DiscoveryInfo:
    '1 visibility DiscoveryInfoVisibility !; 2 name string; 3 environment string; 4 location string; 5 version string; 6 ports Ports; 7 labels Labels',
  DiskStatistics: '1 source ResourceDiskInfoSource; 2 persistence ResourceDiskInfoPersistence; 3 limit_bytes uint64; 4 used_bytes uint64',
  DomainInfo: '1 fault_domain DomainInfoFaultDomain',
  DomainInfoFaultDomain: '1 region DomainInfoFaultDomainRegionInfo !; 2 zone DomainInfoFaultDomainZoneInfo !',
  DomainInfoFaultDomainRegionInfo: '1 name string !',
  DomainInfoFaultDomainZoneInfo: '1 name string !',
  DrainConfig: '1 max_grace_period DurationInfo; 2 mark_gone bool =false',
  DrainInfo: '1 state DrainState !; 2 config DrainConfig !',
  Duration: '1 seconds int64; 2 nanos int32',
  DurationInfo: '1 nanoseconds int64 !',
  Environment: '1 variables EnvironmentVariable []',
  EnvironmentVariable: '1 name string !; 3 type EnvironmentVariableType =VALUE; 2 value string; 4 secret Secret',
  ExecutorCall:
    '1 executor_id ExecutorID !; 2 framework_id FrameworkID !; 3 type ExecutorCallType; 4 subscribe ExecutorCallSubscribe; 5 update ExecutorCallUpdate; 6 message ExecutorCallMessage',
  ExecutorCallMessage: '2 data bytes !',
  ExecutorCallSubscribe: '1 unacknowledged_tasks TaskInfo []; 2 unacknowledged_updates ExecutorCallUpdate []',
  ExecutorCallUpdate: '1 status TaskStatus !',
  ExecutorEvent:
    '1 type ExecutorEventType; 2 subscribed ExecutorEventSubscribed; 3 acknowledged ExecutorEventAcknowledged; 4 launch ExecutorEventLaunch; 8 launch_group ExecutorEventLaunchGroup; 5 kill ExecutorEventKill; 6 message ExecutorEventMessage; 7 error ExecutorEventError',
  ExecutorEventAcknowledged: '1 task_id TaskID !; 2 uuid bytes !',
  ExecutorEventError: '1 message string !',
  ExecutorEventKill: '1 task_id TaskID !; 2 kill_policy KillPolicy',
  ExecutorEventLaunch: '1 task TaskInfo !',
  ExecutorEventLaunchGroup: '1 task_group TaskGroupInfo !',
  ExecutorEventMessage: '1 data bytes !',
  ExecutorEventSubscribed:
    '1 executor_info ExecutorInfo !; 2 framework_info FrameworkInfo !; 3 agent_info AgentInfo !; 4 container_id ContainerID',
  ExecutorID: '1 value string !',
  ExecutorInfo:
    '15 type ExecutorInfoType; 1 executor_id ExecutorID !; 8 framework_id FrameworkID; 7 command CommandInfo; 11 container ContainerInfo; 5 resources Resource []; 9 name string; 10 source string -; 4 data bytes; 12 discovery DiscoveryInfo; 13 shutdown_grace_period DurationInfo; 14 labels Labels',
  FileInfo: '1 path string !; 2 nlink int32; 3 size uint64; 4 mtime TimeInfo; 5 mode uint32; 6 uid string; 7 gid string',
  Filters: '1 refuse_seconds double =5.0',
  Flag: '1 name string !; 2 value string',
  FrameworkID: '1 value string !',
  FrameworkInfo:
    '1 user string !; 2 name string !; 3 id FrameworkID; 4 failover_timeout double =0.0; 5 checkpoint bool =false; 6 role string -=*; 12 roles string []; 7 hostname string; 8 principal string; 9 webui_url string; 10 capabilities FrameworkInfoCapability []; 11 labels Labels; 13 offer_filters OfferFilters {}',
  FrameworkInfoCapability: '1 type FrameworkInfoCapabilityType',
  HealthCheck:
    '2 delay_seconds double =15.0; 3 interval_seconds double =10.0; 4 timeout_seconds double =20.0; 5 consecutive_failures uint32 =3; 6 grace_period_seconds double =10.0; 8 type HealthCheckType; 7 command CommandInfo; 1 http HealthCheckHTTPCheckInfo; 9 tcp HealthCheckTCPCheckInfo',
  HealthCheckHTTPCheckInfo: '5 protocol NetworkInfoProtocol =IPv4; 3 scheme string; 1 port uint32 !; 2 path string; 4 statuses uint32 []',
  HealthCheckTCPCheckInfo: '2 protocol NetworkInfoProtocol =IPv4; 1 port uint32 !',
  Image: '1 type ImageType !; 2 appc ImageAppc; 3 docker ImageDocker; 4 cached bool =true',
  ImageAppc: '1 name string !; 2 id string; 3 labels Labels',
  ImageDocker: '1 name string !; 2 credential Credential -; 3 config Secret',
  InverseOffer:
    '1 id OfferID !; 2 url URL; 3 framework_id FrameworkID !; 4 agent_id AgentID; 5 unavailability Unavailability !; 6 resources Resource []',
  InverseOfferStatus: '1 status InverseOfferStatusStatus !; 2 framework_id FrameworkID !; 3 timestamp TimeInfo !',
  KillPolicy: '1 grace_period DurationInfo',
  Label: '1 key string !; 2 value string',
  Labels: '1 labels Label []',
  LinuxInfo:
    '1 capability_info CapabilityInfo -; 2 bounding_capabilities CapabilityInfo; 3 effective_capabilities CapabilityInfo; 4 share_pid_namespace bool; 5 seccomp SeccompInfo; 6 ipc_mode LinuxInfoIpcMode; 7 shm_size uint32; 8 share_cgroups bool =true',
  MachineID: '1 hostname string; 2 ip string',
  MachineInfo: '1 id MachineID !; 2 mode MachineInfoMode; 3 unavailability Unavailability',
  MaintenanceClusterStatus: '1 draining_machines MaintenanceClusterStatusDrainingMachine []; 2 down_machines MachineID []',
  MaintenanceClusterStatusDrainingMachine: '1 id MachineID !; 2 statuses InverseOfferStatus []',
  MaintenanceSchedule: '1 windows MaintenanceWindow []',
  MaintenanceWindow: '1 machine_ids MachineID []; 2 unavailability Unavailability !',
  MasterCall:
    '1 type MasterCallType; 2 get_metrics MasterCallGetMetrics; 3 set_logging_level MasterCallSetLoggingLevel; 4 list_files MasterCallListFiles; 5 read_file MasterCallReadFile; 6 update_weights MasterCallUpdateWeights; 7 reserve_resources MasterCallReserveResources; 8 unreserve_resources MasterCallUnreserveResources; 9 create_volumes MasterCallCreateVolumes; 10 destroy_volumes MasterCallDestroyVolumes; 18 grow_volume MasterCallGrowVolume; 19 shrink_volume MasterCallShrinkVolume; 11 update_maintenance_schedule MasterCallUpdateMaintenanceSchedule; 12 start_maintenance MasterCallStartMaintenance; 13 stop_maintenance MasterCallStopMaintenance; 21 drain_agent MasterCallDrainAgent; 22 deactivate_agent MasterCallDeactivateAgent; 23 reactivate_agent MasterCallReactivateAgent; 20 update_quota MasterCallUpdateQuota; 16 teardown MasterCallTeardown; 17 mark_agent_gone MasterCallMarkAgentGone; 14 set_quota MasterCallSetQuota -; 15 remove_quota MasterCallRemoveQuota -',
  MasterCallCreateVolumes: '1 agent_id AgentID !; 2 volumes Resource []',
  MasterCallDeactivateAgent: '1 agent_id AgentID !',
  MasterCallDestroyVolumes: '1 agent_id AgentID !; 2 volumes Resource []',
  MasterCallDrainAgent: '1 agent_id AgentID !; 2 max_grace_period Duration; 3 mark_gone bool =false',
  MasterCallGetMetrics: '1 timeout DurationInfo',
  MasterCallGrowVolume: '1 agent_id AgentID; 2 volume Resource !; 3 addition Resource !',
  MasterCallListFiles: '1 path string !',
  MasterCallMarkAgentGone: '1 agent_id AgentID !',
  MasterCallReactivateAgent: '1 agent_id AgentID !',
  MasterCallReadFile: '1 path string !; 2 offset uint64 !; 3 length uint64',
  MasterCallRemoveQuota: '1 role string !',
  MasterCallReserveResources: '1 agent_id AgentID !; 3 source Resource []; 2 resources Resource []',
  MasterCallSetLoggingLevel: '1 level uint32 !; 2 duration DurationInfo !',
  MasterCallSetQuota: '1 quota_request QuotaRequest !',
  MasterCallShrinkVolume: '1 agent_id AgentID; 2 volume Resource !; 3 subtract ValueScalar !',
  MasterCallStartMaintenance: '1 machines MachineID []',
  MasterCallStopMaintenance: '1 machines MachineID []',
  MasterCallTeardown: '1 framework_id FrameworkID !',
  MasterCallUnreserveResources: '1 agent_id AgentID !; 2 resources Resource []',
  MasterCallUpdateMaintenanceSchedule: '1 schedule MaintenanceSchedule !',
  MasterCallUpdateQuota: '1 force bool; 2 quota_configs QuotaConfig []',
  MasterCallUpdateWeights: '1 weight_infos WeightInfo []',
  MasterEvent:
    '1 type MasterEventType; 2 subscribed MasterEventSubscribed; 3 task_added MasterEventTaskAdded; 4 task_updated MasterEventTaskUpdated; 5 agent_added MasterEventAgentAdded; 6 agent_removed MasterEventAgentRemoved; 7 framework_added MasterEventFrameworkAdded; 8 framework_updated MasterEventFrameworkUpdated; 9 framework_removed MasterEventFrameworkRemoved',
  MasterEventAgentAdded: '1 agent MasterResponseGetAgentsAgent !',
  MasterEventAgentRemoved: '1 agent_id AgentID !',
  MasterEventFrameworkAdded: '1 framework MasterResponseGetFrameworksFramework !',
  MasterEventFrameworkRemoved: '1 framework_info FrameworkInfo !',
  MasterEventFrameworkUpdated: '1 framework MasterResponseGetFrameworksFramework !',
  MasterEventSubscribed: '1 get_state MasterResponseGetState; 2 heartbeat_interval_seconds double',
  MasterEventTaskAdded: '1 task Task !',
  MasterEventTaskUpdated: '1 framework_id FrameworkID !; 2 status TaskStatus !; 3 state TaskState !',
  MasterInfo:
    '1 id string !; 2 ip uint32 !; 3 port uint32 !=5050; 4 pid string; 5 hostname string; 6 version string; 7 address Address; 8 domain DomainInfo; 9 capabilities MasterInfoCapability []',
  MasterInfoCapability: '1 type MasterInfoCapabilityType',
  MasterResponse:
    '1 type MasterResponseType; 2 get_health MasterResponseGetHealth; 3 get_flags MasterResponseGetFlags; 4 get_version MasterResponseGetVersion; 5 get_metrics MasterResponseGetMetrics; 6 get_logging_level MasterResponseGetLoggingLevel; 7 list_files MasterResponseListFiles; 8 read_file MasterResponseReadFile; 9 get_state MasterResponseGetState; 10 get_agents MasterResponseGetAgents; 11 get_frameworks MasterResponseGetFrameworks; 12 get_executors MasterResponseGetExecutors; 20 get_operations MasterResponseGetOperations; 13 get_tasks MasterResponseGetTasks; 14 get_roles MasterResponseGetRoles; 15 get_weights MasterResponseGetWeights; 16 get_master MasterResponseGetMaster; 17 get_maintenance_status MasterResponseGetMaintenanceStatus; 18 get_maintenance_schedule MasterResponseGetMaintenanceSchedule; 19 get_quota MasterResponseGetQuota',
  MasterResponseGetAgents: '1 agents MasterResponseGetAgentsAgent []; 2 recovered_agents AgentInfo []',
  MasterResponseGetAgentsAgent:
    '1 agent_info AgentInfo !; 2 active bool !; 12 deactivated bool; 3 version string !; 4 pid string; 5 registered_time TimeInfo; 6 reregistered_time TimeInfo; 7 total_resources Resource []; 8 allocated_resources Resource []; 9 offered_resources Resource []; 10 capabilities AgentInfoCapability []; 11 resource_providers MasterResponseGetAgentsAgentResourceProvider []; 13 drain_info DrainInfo; 14 estimated_drain_start_time TimeInfo',
  MasterResponseGetAgentsAgentResourceProvider: '1 resource_provider_info ResourceProviderInfo !; 2 total_resources Resource []',
  MasterResponseGetExecutors:
    '1 executors MasterResponseGetExecutorsExecutor []; 2 orphan_executors MasterResponseGetExecutorsExecutor []-',
  MasterResponseGetExecutorsExecutor: '1 executor_info ExecutorInfo !; 2 agent_id AgentID !',
  MasterResponseGetFlags: '1 flags Flag []',
  MasterResponseGetFrameworks:
    '1 frameworks MasterResponseGetFrameworksFramework []; 2 completed_frameworks MasterResponseGetFrameworksFramework []; 3 recovered_frameworks FrameworkInfo []-',
  MasterResponseGetFrameworksFramework:
    '1 framework_info FrameworkInfo !; 2 active bool !; 3 connected bool !; 11 recovered bool !; 4 registered_time TimeInfo; 5 reregistered_time TimeInfo; 6 unregistered_time TimeInfo; 7 offers Offer []; 8 inverse_offers InverseOffer []; 9 allocated_resources Resource []; 10 offered_resources Resource []; 12 offer_constraints OfferConstraints',
  MasterResponseGetHealth: '1 healthy bool !',
  MasterResponseGetLoggingLevel: '1 level uint32 !',
  MasterResponseGetMaintenanceSchedule: '1 schedule MaintenanceSchedule !',
  MasterResponseGetMaintenanceStatus: '1 status MaintenanceClusterStatus !',
  MasterResponseGetMaster: '1 master_info MasterInfo; 2 start_time double; 3 elected_time double',
  MasterResponseGetMetrics: '1 metrics Metric []',
  MasterResponseGetOperations: '1 operations Operation []',
  MasterResponseGetQuota: '1 status QuotaStatus !',
  MasterResponseGetRoles: '1 roles Role []',
  MasterResponseGetState:
    '1 get_tasks MasterResponseGetTasks; 2 get_executors MasterResponseGetExecutors; 3 get_frameworks MasterResponseGetFrameworks; 4 get_agents MasterResponseGetAgents',
  MasterResponseGetTasks:
    '1 pending_tasks Task []-; 2 tasks Task []; 5 unreachable_tasks Task []; 3 completed_tasks Task []; 4 orphan_tasks Task []-',
  MasterResponseGetVersion: '1 version_info VersionInfo !',
  MasterResponseGetWeights: '1 weight_infos WeightInfo []',
  MasterResponseListFiles: '1 file_infos FileInfo []',
  MasterResponseReadFile: '1 size uint64 !; 2 data bytes !',
  Metric: '1 name string !; 2 value double',
  MountPropagation: '1 mode MountPropagationMode',
  NetworkInfo:
    '5 ip_addresses NetworkInfoIPAddress []; 6 name string; 3 groups string []; 4 labels Labels; 7 port_mappings NetworkInfoPortMapping []',
  NetworkInfoIPAddress: '1 protocol NetworkInfoProtocol =IPv4; 2 ip_address string',
  NetworkInfoPortMapping: '1 host_port uint32 !; 2 container_port uint32 !; 3 protocol string',
  Offer:
    '1 id OfferID !; 2 framework_id FrameworkID !; 3 agent_id AgentID !; 4 hostname string !; 8 url URL; 11 domain DomainInfo; 5 resources Resource []; 7 attributes Attribute []; 6 executor_ids ExecutorID []; 9 unavailability Unavailability; 10 allocation_info ResourceAllocationInfo',
  OfferConstraints: '1 role_constraints OfferConstraintsRoleConstraints {}',
  OfferConstraintsRoleConstraints: '1 groups OfferConstraintsRoleConstraintsGroup []',
  OfferConstraintsRoleConstraintsGroup: '1 attribute_constraints AttributeConstraint []',
  OfferFilters: '1 min_allocatable_resources OfferFiltersMinAllocatableResources',
  OfferFiltersMinAllocatableResources: '1 quantities OfferFiltersResourceQuantities []',
  OfferFiltersResourceQuantities: '1 quantities ValueScalar {}',
  OfferID: '1 value string !',
  OfferOperation:
    '1 type OfferOperationType; 12 id OperationID; 2 launch OfferOperationLaunch; 7 launch_group OfferOperationLaunchGroup; 3 reserve OfferOperationReserve; 4 unreserve OfferOperationUnreserve; 5 create OfferOperationCreate; 6 destroy OfferOperationDestroy; 13 grow_volume OfferOperationGrowVolume; 14 shrink_volume OfferOperationShrinkVolume; 15 create_disk OfferOperationCreateDisk; 16 destroy_disk OfferOperationDestroyDisk',
  OfferOperationCreate: '1 volumes Resource []',
  OfferOperationCreateDisk: '1 source Resource !; 2 target_type ResourceDiskInfoSourceType !; 3 target_profile string',
  OfferOperationDestroy: '1 volumes Resource []',
  OfferOperationDestroyDisk: '1 source Resource !',
  OfferOperationGrowVolume: '1 volume Resource !; 2 addition Resource !',
  OfferOperationLaunch: '1 task_infos TaskInfo []',
  OfferOperationLaunchGroup: '1 executor ExecutorInfo !; 2 task_group TaskGroupInfo !',
  OfferOperationReserve: '2 source Resource []; 1 resources Resource []',
  OfferOperationShrinkVolume: '1 volume Resource !; 2 subtract ValueScalar !',
  OfferOperationUnreserve: '1 resources Resource []',
  Operation:
    '1 framework_id FrameworkID; 2 agent_id AgentID; 3 info OfferOperation !; 4 latest_status OperationStatus !; 5 statuses OperationStatus []; 6 uuid UUID !',
  OperationID: '1 value string !',
  OperationStatus:
    '1 operation_id OperationID; 2 state OperationState !; 3 message string; 4 converted_resources Resource []; 5 uuid UUID; 6 agent_id AgentID; 7 resource_provider_id ResourceProviderID',
  Parameter: '1 key string !; 2 value string !',
  Parameters: '1 parameter Parameter []',
  Port: '1 number uint32 !; 2 name string; 3 protocol string; 4 visibility DiscoveryInfoVisibility; 5 labels Labels',
  Ports: '1 ports Port []',
  ProcessIO: '1 type ProcessIOType; 2 data ProcessIOData; 3 control ProcessIOControl',
  ProcessIOControl: '1 type ProcessIOControlType; 2 tty_info TTYInfo; 3 heartbeat ProcessIOControlHeartbeat',
  ProcessIOControlHeartbeat: '1 interval DurationInfo',
  ProcessIOData: '1 type ProcessIODataType; 2 data bytes',
  QuotaConfig: '1 role string !; 2 guarantees ValueScalar {}; 3 limits ValueScalar {}',
  QuotaInfo: '1 role string; 2 principal string; 3 guarantee Resource []',
  QuotaRequest: '1 force bool; 2 role string; 3 guarantee Resource []',
  QuotaStatus: '1 infos QuotaInfo []-; 2 configs QuotaConfig []',
  RLimitInfo: '1 rlimits RLimitInfoRLimit []',
  RLimitInfoRLimit: '1 type RLimitInfoRLimitType; 2 hard uint64; 3 soft uint64',
  RateLimit: '1 qps double; 2 principal string !; 3 capacity uint64',
  RateLimits: '1 limits RateLimit []; 2 aggregate_default_qps double; 3 aggregate_default_capacity uint64',
  Request: '1 agent_id AgentID; 2 resources Resource []',
  Resource:
    '12 provider_id ResourceProviderID; 1 name string !; 2 type ValueType !; 3 scalar ValueScalar; 4 ranges ValueRanges; 5 set ValueSet; 6 role string -=*; 11 allocation_info ResourceAllocationInfo; 8 reservation ResourceReservationInfo; 13 reservations ResourceReservationInfo []; 7 disk ResourceDiskInfo; 9 revocable ResourceRevocableInfo; 10 shared ResourceSharedInfo',
  ResourceAllocationInfo: '1 role string',
  ResourceDiskInfo: '1 persistence ResourceDiskInfoPersistence; 2 volume Volume; 3 source ResourceDiskInfoSource',
  ResourceDiskInfoPersistence: '1 id string !; 2 principal string',
  ResourceDiskInfoSource:
    '1 type ResourceDiskInfoSourceType !; 2 path ResourceDiskInfoSourcePath; 3 mount ResourceDiskInfoSourceMount; 7 vendor string; 4 id string; 5 metadata Labels; 6 profile string',
  ResourceDiskInfoSourceMount: '1 root string',
  ResourceDiskInfoSourcePath: '1 root string',
  ResourceProviderCall:
    '1 resource_provider_id ResourceProviderID; 2 type ResourceProviderCallType; 3 subscribe ResourceProviderCallSubscribe; 4 update_operation_status ResourceProviderCallUpdateOperationStatus; 5 update_state ResourceProviderCallUpdateState; 6 update_publish_resources_status ResourceProviderCallUpdatePublishResourcesStatus',
  ResourceProviderCallSubscribe: '1 resource_provider_info ResourceProviderInfo !',
  ResourceProviderCallUpdateOperationStatus:
    '1 framework_id FrameworkID; 2 status OperationStatus !; 3 latest_status OperationStatus; 4 operation_uuid UUID !',
  ResourceProviderCallUpdatePublishResourcesStatus: '1 uuid UUID !; 2 status ResourceProviderCallUpdatePublishResourcesStatusStatus !',
  ResourceProviderCallUpdateState: '1 operations Operation []; 2 resources Resource []; 3 resource_version_uuid UUID !',
  ResourceProviderEvent:
    '1 type ResourceProviderEventType; 2 subscribed ResourceProviderEventSubscribed; 3 apply_operation ResourceProviderEventApplyOperation; 4 publish_resources ResourceProviderEventPublishResources; 5 acknowledge_operation_status ResourceProviderEventAcknowledgeOperationStatus; 6 reconcile_operations ResourceProviderEventReconcileOperations',
  ResourceProviderEventAcknowledgeOperationStatus: '1 status_uuid UUID !; 2 operation_uuid UUID !',
  ResourceProviderEventApplyOperation:
    '1 framework_id FrameworkID; 2 info OfferOperation !; 3 operation_uuid UUID !; 4 resource_version_uuid UUID !',
  ResourceProviderEventPublishResources: '1 uuid UUID !; 2 resources Resource []',
  ResourceProviderEventReconcileOperations: '1 operation_uuids UUID []',
  ResourceProviderEventSubscribed: '1 provider_id ResourceProviderID !',
  ResourceProviderID: '1 value string !',
  ResourceProviderInfo:
    '1 id ResourceProviderID; 2 attributes Attribute []; 3 type string !; 4 name string !; 5 default_reservations ResourceReservationInfo []; 6 storage ResourceProviderInfoStorage',
  ResourceProviderInfoStorage: '1 plugin CSIPluginInfo !; 2 reconciliation_interval_seconds double',
  ResourceReservationInfo: '4 type ResourceReservationInfoType; 3 role string; 1 principal string; 2 labels Labels',
  ResourceRevocableInfo: '',
  ResourceSharedInfo: '',
  ResourceStatistics:
    '1 timestamp double !; 30 processes uint32; 31 threads uint32; 2 cpus_user_time_secs double; 3 cpus_system_time_secs double; 4 cpus_limit double; 45 cpus_soft_limit double; 7 cpus_nr_periods uint32; 8 cpus_nr_throttled uint32; 9 cpus_throttled_time_secs double; 36 mem_total_bytes uint64; 37 mem_total_memsw_bytes uint64; 52 mem_kmem_usage_bytes uint64; 53 mem_kmem_tcp_usage_bytes uint64; 6 mem_limit_bytes uint64; 38 mem_soft_limit_bytes uint64; 10 mem_file_bytes uint64; 11 mem_anon_bytes uint64; 39 mem_cache_bytes uint64; 5 mem_rss_bytes uint64; 12 mem_mapped_file_bytes uint64; 40 mem_swap_bytes uint64; 41 mem_unevictable_bytes uint64; 32 mem_low_pressure_counter uint64; 33 mem_medium_pressure_counter uint64; 34 mem_critical_pressure_counter uint64; 26 disk_limit_bytes uint64; 27 disk_used_bytes uint64; 43 disk_statistics DiskStatistics []; 44 blkio_statistics CgroupInfoBlkioStatistics; 14 net_rx_packets uint64; 15 net_rx_bytes uint64; 16 net_rx_errors uint64; 17 net_rx_dropped uint64; 18 net_tx_packets uint64; 19 net_tx_bytes uint64; 20 net_tx_errors uint64; 21 net_tx_dropped uint64; 46 net_tx_rate_limit uint64; 47 net_tx_burst_rate_limit uint64; 48 net_tx_burst_size uint64; 49 net_rx_rate_limit uint64; 50 net_rx_burst_rate_limit uint64; 51 net_rx_burst_size uint64; 54 net_rate_statistics ResourceStatisticsRateStatistics; 55 net_ephemeral_ports ValueRange; 22 net_tcp_rtt_microsecs_p50 double; 23 net_tcp_rtt_microsecs_p90 double; 24 net_tcp_rtt_microsecs_p95 double; 25 net_tcp_rtt_microsecs_p99 double; 28 net_tcp_active_connections double; 29 net_tcp_time_wait_connections double',
  ResourceStatisticsRatePercentiles:
    '1 min uint64; 2 max uint64; 3 p50 uint64; 4 p90 uint64; 5 p95 uint64; 6 p99 uint64; 7 p999 uint64; 8 p9999 uint64; 9 samples uint64',
  ResourceStatisticsRateStatistics:
    '1 rx_rate ResourceStatisticsRatePercentiles; 2 rx_packet_rate ResourceStatisticsRatePercentiles; 3 rx_drop_rate ResourceStatisticsRatePercentiles; 4 rx_error_rate ResourceStatisticsRatePercentiles; 5 tx_rate ResourceStatisticsRatePercentiles; 6 tx_packet_rate ResourceStatisticsRatePercentiles; 7 tx_drop_rate ResourceStatisticsRatePercentiles; 8 tx_error_rate ResourceStatisticsRatePercentiles; 9 sampling_window_secs double; 10 sampling_interval_secs double',
  ResourceUsage: '1 executors ResourceUsageExecutor []; 2 total Resource []',
  ResourceUsageExecutor:
    '1 executor_info ExecutorInfo !; 2 allocated Resource []; 3 statistics ResourceStatistics; 4 container_id ContainerID !; 5 tasks ResourceUsageExecutorTask []',
  ResourceUsageExecutorTask: '1 name string !; 2 id TaskID !; 3 resources Resource []; 4 labels Labels',
  Role: '1 name string !; 2 weight double !; 3 frameworks FrameworkID []; 4 resources Resource []',
  SchedulerAPIResult: '1 status_code uint32 !; 2 response SchedulerResponse; 3 error string',
  SchedulerCall:
    '1 framework_id FrameworkID; 2 type SchedulerCallType; 3 subscribe SchedulerCallSubscribe; 4 accept SchedulerCallAccept; 5 decline SchedulerCallDecline; 13 accept_inverse_offers SchedulerCallAcceptInverseOffers; 14 decline_inverse_offers SchedulerCallDeclineInverseOffers; 15 revive SchedulerCallRevive; 6 kill SchedulerCallKill; 7 shutdown SchedulerCallShutdown; 8 acknowledge SchedulerCallAcknowledge; 17 acknowledge_operation_status SchedulerCallAcknowledgeOperationStatus; 9 reconcile SchedulerCallReconcile; 18 reconcile_operations SchedulerCallReconcileOperations; 10 message SchedulerCallMessage; 11 request SchedulerCallRequest; 16 suppress SchedulerCallSuppress; 19 update_framework SchedulerCallUpdateFramework',
  SchedulerCallAccept: '1 offer_ids OfferID []; 2 operations OfferOperation []; 3 filters Filters',
  SchedulerCallAcceptInverseOffers: '1 inverse_offer_ids OfferID []; 2 filters Filters',
  SchedulerCallAcknowledge: '1 agent_id AgentID !; 2 task_id TaskID !; 3 uuid bytes !',
  SchedulerCallAcknowledgeOperationStatus:
    '1 agent_id AgentID; 2 resource_provider_id ResourceProviderID; 3 uuid bytes !; 4 operation_id OperationID !',
  SchedulerCallDecline: '1 offer_ids OfferID []; 2 filters Filters',
  SchedulerCallDeclineInverseOffers: '1 inverse_offer_ids OfferID []; 2 filters Filters',
  SchedulerCallKill: '1 task_id TaskID !; 2 agent_id AgentID; 3 kill_policy KillPolicy',
  SchedulerCallMessage: '1 agent_id AgentID !; 2 executor_id ExecutorID !; 3 data bytes !',
  SchedulerCallReconcile: '1 tasks SchedulerCallReconcileTask []',
  SchedulerCallReconcileOperations: '1 operations SchedulerCallReconcileOperationsOperation []',
  SchedulerCallReconcileOperationsOperation: '1 operation_id OperationID !; 2 agent_id AgentID; 3 resource_provider_id ResourceProviderID',
  SchedulerCallReconcileTask: '1 task_id TaskID !; 2 agent_id AgentID',
  SchedulerCallRequest: '1 requests Request []',
  SchedulerCallRevive: '1 roles string []',
  SchedulerCallShutdown: '1 executor_id ExecutorID !; 2 agent_id AgentID !',
  SchedulerCallSubscribe: '1 framework_info FrameworkInfo !; 2 suppressed_roles string []; 3 offer_constraints OfferConstraints',
  SchedulerCallSuppress: '1 roles string []',
  SchedulerCallUpdateFramework: '1 framework_info FrameworkInfo !; 2 suppressed_roles string []; 3 offer_constraints OfferConstraints',
  SchedulerEvent:
    '1 type SchedulerEventType; 2 subscribed SchedulerEventSubscribed; 3 offers SchedulerEventOffers; 9 inverse_offers SchedulerEventInverseOffers; 4 rescind SchedulerEventRescind; 10 rescind_inverse_offer SchedulerEventRescindInverseOffer; 5 update SchedulerEventUpdate; 11 update_operation_status SchedulerEventUpdateOperationStatus; 6 message SchedulerEventMessage; 7 failure SchedulerEventFailure; 8 error SchedulerEventError',
  SchedulerEventError: '1 message string !',
  SchedulerEventFailure: '1 agent_id AgentID; 2 executor_id ExecutorID; 3 status int32',
  SchedulerEventInverseOffers: '1 inverse_offers InverseOffer []',
  SchedulerEventMessage: '1 agent_id AgentID !; 2 executor_id ExecutorID !; 3 data bytes !',
  SchedulerEventOffers: '1 offers Offer []',
  SchedulerEventRescind: '1 offer_id OfferID !',
  SchedulerEventRescindInverseOffer: '1 inverse_offer_id OfferID !',
  SchedulerEventSubscribed: '1 framework_id FrameworkID !; 2 heartbeat_interval_seconds double; 3 master_info MasterInfo',
  SchedulerEventUpdate: '1 status TaskStatus !',
  SchedulerEventUpdateOperationStatus: '1 status OperationStatus !',
  SchedulerResponse: '1 type SchedulerResponseType; 2 reconcile_operations SchedulerResponseReconcileOperations -',
  SchedulerResponseReconcileOperations: '1 operation_statuses OperationStatus []-',
  SeccompInfo: '1 profile_name string; 2 unconfined bool',
  Secret: '1 type SecretType; 2 reference SecretReference; 3 value SecretValue',
  SecretReference: '1 name string !; 2 key string',
  SecretValue: '1 data bytes !',
  TTYInfo: '1 window_size TTYInfoWindowSize',
  TTYInfoWindowSize: '1 rows uint32 !; 2 columns uint32 !',
  Task: '1 name string !; 2 task_id TaskID !; 3 framework_id FrameworkID !; 4 executor_id ExecutorID; 5 agent_id AgentID !; 6 state TaskState !; 7 resources Resource []; 8 statuses TaskStatus []; 9 status_update_state TaskState; 10 status_update_uuid bytes; 11 labels Labels; 12 discovery DiscoveryInfo; 13 container ContainerInfo; 15 health_check HealthCheck; 16 kill_policy KillPolicy; 14 user string; 17 limits ValueScalar {}',
  TaskGroupInfo: '1 tasks TaskInfo []',
  TaskID: '1 value string !',
  TaskInfo:
    '1 name string !; 2 task_id TaskID !; 3 agent_id AgentID !; 4 resources Resource []; 5 executor ExecutorInfo; 7 command CommandInfo; 9 container ContainerInfo; 8 health_check HealthCheck; 13 check CheckInfo; 12 kill_policy KillPolicy; 6 data bytes; 10 labels Labels; 11 discovery DiscoveryInfo; 14 max_completion_time DurationInfo; 15 limits ValueScalar {}',
  TaskResourceLimitation: '1 resources Resource []',
  TaskStatus:
    '1 task_id TaskID !; 2 state TaskState !; 4 message string; 9 source TaskStatusSource; 10 reason TaskStatusReason; 3 data bytes; 5 agent_id AgentID; 7 executor_id ExecutorID; 6 timestamp double; 11 uuid bytes; 8 healthy bool; 15 check_status CheckStatusInfo; 12 labels Labels; 13 container_status ContainerStatus; 14 unreachable_time TimeInfo; 16 limitation TaskResourceLimitation',
  TimeInfo: '1 nanoseconds int64 !',
  URL: '1 scheme string !; 2 address Address !; 3 path string; 4 query Parameter []; 5 fragment string',
  UUID: '1 value bytes !',
  Unavailability: '1 start TimeInfo !; 2 duration DurationInfo',
  Value: '1 type ValueType !; 2 scalar ValueScalar; 3 ranges ValueRanges; 4 set ValueSet; 5 text ValueText',
  ValueRange: '1 begin uint64 !; 2 end uint64 !',
  ValueRanges: '1 range ValueRange []',
  ValueScalar: '1 value double !',
  ValueSet: '1 item string []',
  ValueText: '1 value string !',
  VersionInfo:
    '1 version string !; 2 build_date string; 3 build_time double; 4 build_user string; 5 git_sha string; 6 git_branch string; 7 git_tag string',
  Volume: '3 mode VolumeMode !; 1 container_path string !; 2 host_path string; 4 image Image; 5 source VolumeSource',
  VolumeSource:
    '1 type VolumeSourceType; 2 docker_volume VolumeSourceDockerVolume; 5 host_path VolumeSourceHostPath; 3 sandbox_path VolumeSourceSandboxPath; 4 secret Secret; 6 csi_volume VolumeSourceCSIVolume',
  VolumeSourceCSIVolume: '1 plugin_name string !; 2 static_provisioning VolumeSourceCSIVolumeStaticProvisioning',
  VolumeSourceCSIVolumeStaticProvisioning:
    '1 volume_id string !; 2 volume_capability VolumeSourceCSIVolumeVolumeCapability !; 3 node_stage_secrets Secret {}; 4 node_publish_secrets Secret {}; 5 volume_context string {}',
  VolumeSourceCSIVolumeVolumeCapability:
    '3 access_mode VolumeSourceCSIVolumeVolumeCapabilityAccessMode !; 1 block VolumeSourceCSIVolumeVolumeCapabilityBlockVolume; 2 mount VolumeSourceCSIVolumeVolumeCapabilityMountVolume',
  VolumeSourceCSIVolumeVolumeCapabilityAccessMode: '1 mode VolumeSourceCSIVolumeVolumeCapabilityAccessModeMode !',
  VolumeSourceCSIVolumeVolumeCapabilityBlockVolume: '',
  VolumeSourceCSIVolumeVolumeCapabilityMountVolume: '1 fs_type string; 2 mount_flags string []',
  VolumeSourceDockerVolume: '1 driver string; 2 name string !; 3 driver_options Parameters',
  VolumeSourceHostPath: '1 path string !; 2 mount_propagation MountPropagation',
  VolumeSourceSandboxPath: '1 type VolumeSourceSandboxPathType; 2 path string !',
  WeightInfo: '1 weight double !; 2 role string',
};

export const enumTable: Readonly<Record<string, string>> = {
  AgentCallAttachContainerInputType: 'UNKNOWN 0; CONTAINER_ID 1; PROCESS_IO 2',
  AgentCallType:
    'UNKNOWN 0; GET_HEALTH 1; GET_FLAGS 2; GET_VERSION 3; GET_METRICS 4; GET_LOGGING_LEVEL 5; SET_LOGGING_LEVEL 6; LIST_FILES 7; READ_FILE 8; GET_STATE 9; GET_CONTAINERS 10; GET_FRAMEWORKS 11; GET_EXECUTORS 12; GET_OPERATIONS 31; GET_TASKS 13; GET_AGENT 20; GET_RESOURCE_PROVIDERS 26; LAUNCH_NESTED_CONTAINER 14; WAIT_NESTED_CONTAINER 15; KILL_NESTED_CONTAINER 16; REMOVE_NESTED_CONTAINER 21; LAUNCH_NESTED_CONTAINER_SESSION 17; ATTACH_CONTAINER_INPUT 18; ATTACH_CONTAINER_OUTPUT 19; LAUNCH_CONTAINER 22; WAIT_CONTAINER 23; KILL_CONTAINER 24; REMOVE_CONTAINER 25; ADD_RESOURCE_PROVIDER_CONFIG 27; UPDATE_RESOURCE_PROVIDER_CONFIG 28; REMOVE_RESOURCE_PROVIDER_CONFIG 29; MARK_RESOURCE_PROVIDER_GONE 32; PRUNE_IMAGES 30',
  AgentInfoCapabilityType:
    'UNKNOWN 0; MULTI_ROLE 1; HIERARCHICAL_ROLE 2; RESERVATION_REFINEMENT 3; RESOURCE_PROVIDER 4; RESIZE_VOLUME 5; AGENT_OPERATION_FEEDBACK 6; AGENT_DRAINING 7; TASK_RESOURCE_LIMITS 8',
  AgentResponseType:
    'UNKNOWN 0; GET_HEALTH 1; GET_FLAGS 2; GET_VERSION 3; GET_METRICS 4; GET_LOGGING_LEVEL 5; LIST_FILES 6; READ_FILE 7; GET_STATE 8; GET_CONTAINERS 9; GET_FRAMEWORKS 10; GET_EXECUTORS 11; GET_OPERATIONS 17; GET_TASKS 12; GET_AGENT 14; GET_RESOURCE_PROVIDERS 16; WAIT_NESTED_CONTAINER 13; WAIT_CONTAINER 15',
  AttributeConstraintSelectorPseudoattributeType: 'UNKNOWN 0; HOSTNAME 1; REGION 2; ZONE 3',
  CSIPluginContainerInfoService: 'UNKNOWN 0; CONTROLLER_SERVICE 1; NODE_SERVICE 2',
  CapabilityInfoCapability:
    'UNKNOWN 0; CHOWN 1000; DAC_OVERRIDE 1001; DAC_READ_SEARCH 1002; FOWNER 1003; FSETID 1004; KILL 1005; SETGID 1006; SETUID 1007; SETPCAP 1008; LINUX_IMMUTABLE 1009; NET_BIND_SERVICE 1010; NET_BROADCAST 1011; NET_ADMIN 1012; NET_RAW 1013; IPC_LOCK 1014; IPC_OWNER 1015; SYS_MODULE 1016; SYS_RAWIO 1017; SYS_CHROOT 1018; SYS_PTRACE 1019; SYS_PACCT 1020; SYS_ADMIN 1021; SYS_BOOT 1022; SYS_NICE 1023; SYS_RESOURCE 1024; SYS_TIME 1025; SYS_TTY_CONFIG 1026; MKNOD 1027; LEASE 1028; AUDIT_WRITE 1029; AUDIT_CONTROL 1030; SETFCAP 1031; MAC_OVERRIDE 1032; MAC_ADMIN 1033; SYSLOG 1034; WAKE_ALARM 1035; BLOCK_SUSPEND 1036; AUDIT_READ 1037; PERFMON 1038; BPF 1039; CHECKPOINT_RESTORE 1040',
  CgroupInfoBlkioOperation: 'UNKNOWN 0; TOTAL 1; READ 2; WRITE 3; SYNC 4; ASYNC 5; DISCARD 6',
  CheckInfoType: 'UNKNOWN 0; COMMAND 1; HTTP 2; TCP 3',
  ContainerInfoDockerInfoNetwork: 'HOST 1; BRIDGE 2; NONE 3; USER 4',
  ContainerInfoType: 'DOCKER 1; MESOS 2',
  DiscoveryInfoVisibility: 'FRAMEWORK 0; CLUSTER 1; EXTERNAL 2',
  DrainState: 'UNKNOWN 0; DRAINING 1; DRAINED 2',
  EnvironmentVariableType: 'UNKNOWN 0; VALUE 1; SECRET 2',
  ExecutorCallType: 'UNKNOWN 0; SUBSCRIBE 1; UPDATE 2; MESSAGE 3; HEARTBEAT 4',
  ExecutorEventType:
    'UNKNOWN 0; SUBSCRIBED 1; LAUNCH 2; LAUNCH_GROUP 8; KILL 3; ACKNOWLEDGED 4; MESSAGE 5; ERROR 6; SHUTDOWN 7; HEARTBEAT 9',
  ExecutorInfoType: 'UNKNOWN 0; DEFAULT 1; CUSTOM 2',
  FrameworkInfoCapabilityType:
    'UNKNOWN 0; REVOCABLE_RESOURCES 1; TASK_KILLING_STATE 2; GPU_RESOURCES 3; SHARED_RESOURCES 4; PARTITION_AWARE 5; MULTI_ROLE 6; RESERVATION_REFINEMENT 7; REGION_AWARE 8',
  HealthCheckType: 'UNKNOWN 0; COMMAND 1; HTTP 2; TCP 3',
  ImageType: 'APPC 1; DOCKER 2',
  InverseOfferStatusStatus: 'UNKNOWN 1; ACCEPT 2; DECLINE 3',
  LinuxInfoIpcMode: 'UNKNOWN 0; PRIVATE 1; SHARE_PARENT 2',
  MachineInfoMode: 'UP 1; DRAINING 2; DOWN 3',
  MasterCallType:
    'UNKNOWN 0; GET_HEALTH 1; GET_FLAGS 2; GET_VERSION 3; GET_METRICS 4; GET_LOGGING_LEVEL 5; SET_LOGGING_LEVEL 6; LIST_FILES 7; READ_FILE 8; GET_STATE 9; GET_AGENTS 10; GET_FRAMEWORKS 11; GET_EXECUTORS 12; GET_OPERATIONS 33; GET_TASKS 13; GET_ROLES 14; GET_WEIGHTS 15; UPDATE_WEIGHTS 16; GET_MASTER 17; SUBSCRIBE 18; RESERVE_RESOURCES 19; UNRESERVE_RESOURCES 20; CREATE_VOLUMES 21; DESTROY_VOLUMES 22; GROW_VOLUME 34; SHRINK_VOLUME 35; GET_MAINTENANCE_STATUS 23; GET_MAINTENANCE_SCHEDULE 24; UPDATE_MAINTENANCE_SCHEDULE 25; START_MAINTENANCE 26; STOP_MAINTENANCE 27; DRAIN_AGENT 37; DEACTIVATE_AGENT 38; REACTIVATE_AGENT 39; GET_QUOTA 28; UPDATE_QUOTA 36; SET_QUOTA 29; REMOVE_QUOTA 30; TEARDOWN 31; MARK_AGENT_GONE 32',
  MasterEventType:
    'UNKNOWN 0; SUBSCRIBED 1; TASK_ADDED 2; TASK_UPDATED 3; AGENT_ADDED 4; AGENT_REMOVED 5; FRAMEWORK_ADDED 6; FRAMEWORK_UPDATED 7; FRAMEWORK_REMOVED 8; HEARTBEAT 9',
  MasterInfoCapabilityType: 'UNKNOWN 0; AGENT_UPDATE 1; AGENT_DRAINING 2; QUOTA_V2 3',
  MasterResponseType:
    'UNKNOWN 0; GET_HEALTH 1; GET_FLAGS 2; GET_VERSION 3; GET_METRICS 4; GET_LOGGING_LEVEL 5; LIST_FILES 6; READ_FILE 7; GET_STATE 8; GET_AGENTS 9; GET_FRAMEWORKS 10; GET_EXECUTORS 11; GET_OPERATIONS 19; GET_TASKS 12; GET_ROLES 13; GET_WEIGHTS 14; GET_MASTER 15; GET_MAINTENANCE_STATUS 16; GET_MAINTENANCE_SCHEDULE 17; GET_QUOTA 18',
  MountPropagationMode: 'UNKNOWN 0; HOST_TO_CONTAINER 1; BIDIRECTIONAL 2',
  NetworkInfoProtocol: 'IPv4 1; IPv6 2',
  OfferOperationType:
    'UNKNOWN 0; LAUNCH 1; LAUNCH_GROUP 6; RESERVE 2; UNRESERVE 3; CREATE 4; DESTROY 5; GROW_VOLUME 11; SHRINK_VOLUME 12; CREATE_DISK 13; DESTROY_DISK 14',
  OperationState:
    'OPERATION_UNSUPPORTED 0; OPERATION_PENDING 1; OPERATION_FINISHED 2; OPERATION_FAILED 3; OPERATION_ERROR 4; OPERATION_DROPPED 5; OPERATION_UNREACHABLE 6; OPERATION_GONE_BY_OPERATOR 7; OPERATION_RECOVERING 8; OPERATION_UNKNOWN 9',
  ProcessIOControlType: 'UNKNOWN 0; TTY_INFO 1; HEARTBEAT 2',
  ProcessIODataType: 'UNKNOWN 0; STDIN 1; STDOUT 2; STDERR 3',
  ProcessIOType: 'UNKNOWN 0; DATA 1; CONTROL 2',
  RLimitInfoRLimitType:
    'UNKNOWN 0; RLMT_AS 1; RLMT_CORE 2; RLMT_CPU 3; RLMT_DATA 4; RLMT_FSIZE 5; RLMT_LOCKS 6; RLMT_MEMLOCK 7; RLMT_MSGQUEUE 8; RLMT_NICE 9; RLMT_NOFILE 10; RLMT_NPROC 11; RLMT_RSS 12; RLMT_RTPRIO 13; RLMT_RTTIME 14; RLMT_SIGPENDING 15; RLMT_STACK 16',
  ResourceDiskInfoSourceType: 'UNKNOWN 0; PATH 1; MOUNT 2; BLOCK 3; RAW 4',
  ResourceProviderCallType: 'UNKNOWN 0; SUBSCRIBE 1; UPDATE_OPERATION_STATUS 2; UPDATE_STATE 3; UPDATE_PUBLISH_RESOURCES_STATUS 4',
  ResourceProviderCallUpdatePublishResourcesStatusStatus: 'UNKNOWN 0; OK 1; FAILED 2',
  ResourceProviderEventType:
    'UNKNOWN 0; SUBSCRIBED 1; APPLY_OPERATION 2; PUBLISH_RESOURCES 3; ACKNOWLEDGE_OPERATION_STATUS 4; RECONCILE_OPERATIONS 5; TEARDOWN 6',
  ResourceReservationInfoType: 'UNKNOWN 0; STATIC 1; DYNAMIC 2',
  SchedulerCallType:
    'UNKNOWN 0; SUBSCRIBE 1; TEARDOWN 2; ACCEPT 3; DECLINE 4; ACCEPT_INVERSE_OFFERS 13; DECLINE_INVERSE_OFFERS 14; REVIVE 5; KILL 6; SHUTDOWN 7; ACKNOWLEDGE 8; ACKNOWLEDGE_OPERATION_STATUS 15; RECONCILE 9; RECONCILE_OPERATIONS 16; MESSAGE 10; REQUEST 11; SUPPRESS 12; UPDATE_FRAMEWORK 17',
  SchedulerEventType:
    'UNKNOWN 0; SUBSCRIBED 1; OFFERS 2; INVERSE_OFFERS 9; RESCIND 3; RESCIND_INVERSE_OFFER 10; UPDATE 4; UPDATE_OPERATION_STATUS 11; MESSAGE 5; FAILURE 6; ERROR 7; HEARTBEAT 8',
  SchedulerResponseType: 'UNKNOWN 0; RECONCILE_OPERATIONS 1',
  SecretType: 'UNKNOWN 0; REFERENCE 1; VALUE 2',
  TaskState:
    'TASK_STAGING 6; TASK_STARTING 0; TASK_RUNNING 1; TASK_KILLING 8; TASK_FINISHED 2; TASK_FAILED 3; TASK_KILLED 4; TASK_ERROR 7; TASK_LOST 5; TASK_DROPPED 9; TASK_UNREACHABLE 10; TASK_GONE 11; TASK_GONE_BY_OPERATOR 12; TASK_UNKNOWN 13',
  TaskStatusReason:
    'REASON_COMMAND_EXECUTOR_FAILED 0; REASON_CONTAINER_LAUNCH_FAILED 21; REASON_CONTAINER_LIMITATION 19; REASON_CONTAINER_LIMITATION_DISK 20; REASON_CONTAINER_LIMITATION_MEMORY 8; REASON_CONTAINER_PREEMPTED 17; REASON_CONTAINER_UPDATE_FAILED 22; REASON_MAX_COMPLETION_TIME_REACHED 33; REASON_EXECUTOR_REGISTRATION_TIMEOUT 23; REASON_EXECUTOR_REREGISTRATION_TIMEOUT 24; REASON_EXECUTOR_TERMINATED 1; REASON_EXECUTOR_UNREGISTERED 2; REASON_FRAMEWORK_REMOVED 3; REASON_GC_ERROR 4; REASON_INVALID_FRAMEWORKID 5; REASON_INVALID_OFFERS 6; REASON_IO_SWITCHBOARD_EXITED 27; REASON_MASTER_DISCONNECTED 7; REASON_RECONCILIATION 9; REASON_RESOURCES_UNKNOWN 18; REASON_AGENT_DISCONNECTED 10; REASON_AGENT_DRAINING 34; REASON_AGENT_REMOVED 11; REASON_AGENT_REMOVED_BY_OPERATOR 31; REASON_AGENT_REREGISTERED 32; REASON_AGENT_RESTARTED 12; REASON_AGENT_UNKNOWN 13; REASON_TASK_KILLED_DURING_LAUNCH 30; REASON_TASK_CHECK_STATUS_UPDATED 28; REASON_TASK_HEALTH_CHECK_STATUS_UPDATED 29; REASON_TASK_GROUP_INVALID 25; REASON_TASK_GROUP_UNAUTHORIZED 26; REASON_TASK_INVALID 14; REASON_TASK_UNAUTHORIZED 15; REASON_TASK_UNKNOWN 16',
  TaskStatusSource: 'SOURCE_MASTER 0; SOURCE_AGENT 1; SOURCE_EXECUTOR 2',
  ValueType: 'SCALAR 0; RANGES 1; SET 2; TEXT 3',
  VolumeMode: 'RW 1; RO 2',
  VolumeSourceCSIVolumeVolumeCapabilityAccessModeMode:
    'UNKNOWN 0; SINGLE_NODE_WRITER 1; SINGLE_NODE_READER_ONLY 2; MULTI_NODE_READER_ONLY 3; MULTI_NODE_SINGLE_WRITER 4; MULTI_NODE_MULTI_WRITER 5',
  VolumeSourceSandboxPathType: 'UNKNOWN 0; SELF 1; PARENT 2',
  VolumeSourceType: 'UNKNOWN 0; DOCKER_VOLUME 1; HOST_PATH 4; SANDBOX_PATH 2; SECRET 3; CSI_VOLUME 5',
};

/** Messages discriminated by `type`: which sub-message each type must carry. */
export const unionTable: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  SchedulerCall: {
    SUBSCRIBE: 'subscribe',
    TEARDOWN: '',
    ACCEPT: 'accept',
    DECLINE: 'decline',
    ACCEPT_INVERSE_OFFERS: 'accept_inverse_offers',
    DECLINE_INVERSE_OFFERS: 'decline_inverse_offers',
    REVIVE: '',
    KILL: 'kill',
    SHUTDOWN: 'shutdown',
    ACKNOWLEDGE: 'acknowledge',
    ACKNOWLEDGE_OPERATION_STATUS: 'acknowledge_operation_status',
    RECONCILE: 'reconcile',
    RECONCILE_OPERATIONS: 'reconcile_operations',
    MESSAGE: 'message',
    REQUEST: 'request',
    SUPPRESS: '',
    UPDATE_FRAMEWORK: 'update_framework',
  },
  SchedulerEvent: {
    SUBSCRIBED: 'subscribed',
    OFFERS: 'offers',
    INVERSE_OFFERS: 'inverse_offers',
    RESCIND: 'rescind',
    RESCIND_INVERSE_OFFER: 'rescind_inverse_offer',
    UPDATE: 'update',
    UPDATE_OPERATION_STATUS: 'update_operation_status',
    MESSAGE: 'message',
    FAILURE: 'failure',
    ERROR: 'error',
    HEARTBEAT: '',
  },
  ExecutorCall: {
    SUBSCRIBE: '',
    UPDATE: 'update',
    MESSAGE: 'message',
    HEARTBEAT: '',
  },
  ExecutorEvent: {
    SUBSCRIBED: 'subscribed',
    LAUNCH: 'launch',
    LAUNCH_GROUP: 'launch_group',
    KILL: 'kill',
    ACKNOWLEDGED: 'acknowledged',
    MESSAGE: 'message',
    ERROR: 'error',
    SHUTDOWN: '',
    HEARTBEAT: '',
  },
  MasterCall: {
    GET_HEALTH: '',
    GET_FLAGS: '',
    GET_VERSION: '',
    GET_METRICS: '',
    GET_LOGGING_LEVEL: '',
    SET_LOGGING_LEVEL: 'set_logging_level',
    LIST_FILES: 'list_files',
    READ_FILE: 'read_file',
    GET_STATE: '',
    GET_AGENTS: '',
    GET_FRAMEWORKS: '',
    GET_EXECUTORS: '',
    GET_OPERATIONS: '',
    GET_TASKS: '',
    GET_ROLES: '',
    GET_WEIGHTS: '',
    UPDATE_WEIGHTS: 'update_weights',
    GET_MASTER: '',
    SUBSCRIBE: '',
    RESERVE_RESOURCES: 'reserve_resources',
    UNRESERVE_RESOURCES: 'unreserve_resources',
    CREATE_VOLUMES: 'create_volumes',
    DESTROY_VOLUMES: 'destroy_volumes',
    GROW_VOLUME: 'grow_volume',
    SHRINK_VOLUME: 'shrink_volume',
    GET_MAINTENANCE_STATUS: '',
    GET_MAINTENANCE_SCHEDULE: '',
    UPDATE_MAINTENANCE_SCHEDULE: 'update_maintenance_schedule',
    START_MAINTENANCE: 'start_maintenance',
    STOP_MAINTENANCE: 'stop_maintenance',
    DRAIN_AGENT: 'drain_agent',
    DEACTIVATE_AGENT: 'deactivate_agent',
    REACTIVATE_AGENT: 'reactivate_agent',
    GET_QUOTA: '',
    UPDATE_QUOTA: 'update_quota',
    SET_QUOTA: 'set_quota',
    REMOVE_QUOTA: 'remove_quota',
    TEARDOWN: 'teardown',
    MARK_AGENT_GONE: 'mark_agent_gone',
  },
  MasterResponse: {
    GET_HEALTH: 'get_health',
    GET_FLAGS: 'get_flags',
    GET_VERSION: 'get_version',
    GET_METRICS: 'get_metrics',
    GET_LOGGING_LEVEL: 'get_logging_level',
    LIST_FILES: 'list_files',
    READ_FILE: 'read_file',
    GET_STATE: 'get_state',
    GET_AGENTS: 'get_agents',
    GET_FRAMEWORKS: 'get_frameworks',
    GET_EXECUTORS: 'get_executors',
    GET_OPERATIONS: 'get_operations',
    GET_TASKS: 'get_tasks',
    GET_ROLES: 'get_roles',
    GET_WEIGHTS: 'get_weights',
    GET_MASTER: 'get_master',
    GET_MAINTENANCE_STATUS: 'get_maintenance_status',
    GET_MAINTENANCE_SCHEDULE: 'get_maintenance_schedule',
    GET_QUOTA: 'get_quota',
  },
  MasterEvent: {
    SUBSCRIBED: 'subscribed',
    TASK_ADDED: 'task_added',
    TASK_UPDATED: 'task_updated',
    AGENT_ADDED: 'agent_added',
    AGENT_REMOVED: 'agent_removed',
    FRAMEWORK_ADDED: 'framework_added',
    FRAMEWORK_UPDATED: 'framework_updated',
    FRAMEWORK_REMOVED: 'framework_removed',
    HEARTBEAT: '',
  },
  AgentCall: {
    GET_HEALTH: '',
    GET_FLAGS: '',
    GET_VERSION: '',
    GET_METRICS: '',
    GET_LOGGING_LEVEL: '',
    SET_LOGGING_LEVEL: 'set_logging_level',
    LIST_FILES: 'list_files',
    READ_FILE: 'read_file',
    GET_STATE: '',
    GET_CONTAINERS: '',
    GET_FRAMEWORKS: '',
    GET_EXECUTORS: '',
    GET_OPERATIONS: '',
    GET_TASKS: '',
    GET_AGENT: '',
    GET_RESOURCE_PROVIDERS: '',
    LAUNCH_NESTED_CONTAINER: 'launch_nested_container',
    WAIT_NESTED_CONTAINER: 'wait_nested_container',
    KILL_NESTED_CONTAINER: 'kill_nested_container',
    REMOVE_NESTED_CONTAINER: 'remove_nested_container',
    LAUNCH_NESTED_CONTAINER_SESSION: 'launch_nested_container_session',
    ATTACH_CONTAINER_INPUT: 'attach_container_input',
    ATTACH_CONTAINER_OUTPUT: 'attach_container_output',
    LAUNCH_CONTAINER: 'launch_container',
    WAIT_CONTAINER: 'wait_container',
    KILL_CONTAINER: 'kill_container',
    REMOVE_CONTAINER: 'remove_container',
    ADD_RESOURCE_PROVIDER_CONFIG: 'add_resource_provider_config',
    UPDATE_RESOURCE_PROVIDER_CONFIG: 'update_resource_provider_config',
    REMOVE_RESOURCE_PROVIDER_CONFIG: 'remove_resource_provider_config',
    MARK_RESOURCE_PROVIDER_GONE: 'mark_resource_provider_gone',
    PRUNE_IMAGES: '',
  },
  AgentResponse: {
    GET_HEALTH: 'get_health',
    GET_FLAGS: 'get_flags',
    GET_VERSION: 'get_version',
    GET_METRICS: 'get_metrics',
    GET_LOGGING_LEVEL: 'get_logging_level',
    LIST_FILES: 'list_files',
    READ_FILE: 'read_file',
    GET_STATE: 'get_state',
    GET_CONTAINERS: 'get_containers',
    GET_FRAMEWORKS: 'get_frameworks',
    GET_EXECUTORS: 'get_executors',
    GET_OPERATIONS: 'get_operations',
    GET_TASKS: 'get_tasks',
    GET_AGENT: 'get_agent',
    GET_RESOURCE_PROVIDERS: 'get_resource_providers',
    WAIT_NESTED_CONTAINER: 'wait_nested_container',
    WAIT_CONTAINER: 'wait_container',
  },
  ResourceProviderCall: {
    SUBSCRIBE: 'subscribe',
    UPDATE_OPERATION_STATUS: 'update_operation_status',
    UPDATE_STATE: 'update_state',
    UPDATE_PUBLISH_RESOURCES_STATUS: 'update_publish_resources_status',
  },
  ResourceProviderEvent: {
    SUBSCRIBED: 'subscribed',
    APPLY_OPERATION: 'apply_operation',
    PUBLISH_RESOURCES: 'publish_resources',
    ACKNOWLEDGE_OPERATION_STATUS: 'acknowledge_operation_status',
    RECONCILE_OPERATIONS: 'reconcile_operations',
    TEARDOWN: '',
  },
  OfferOperation: {
    LAUNCH: 'launch',
    LAUNCH_GROUP: 'launch_group',
    RESERVE: 'reserve',
    UNRESERVE: 'unreserve',
    CREATE: 'create',
    DESTROY: 'destroy',
    GROW_VOLUME: 'grow_volume',
    SHRINK_VOLUME: 'shrink_volume',
    CREATE_DISK: 'create_disk',
    DESTROY_DISK: 'destroy_disk',
  },
};
