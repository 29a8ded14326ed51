"""The stacks of the bench, one file for each workload, built with troposphere and written."""
import os
import sys

from troposphere import Equals, GetAtt, If, NoValue, Output, Parameter, Ref, Sub, Template
from troposphere import ec2, ecs, iam, logs, servicediscovery as sd

folder = sys.argv[2]


def assumed():
    return {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def logged(prefix):
    return ecs.LogConfiguration(LogDriver="awslogs", Options={
        "awslogs-group": Ref("Logs"), "awslogs-region": Ref("AWS::Region"), "awslogs-stream-prefix": prefix})


def objects(*keys):
    return [Sub("arn:${AWS::Partition}:s3:::${MeshformStore}/m/large/" + key) for key in keys]


for at in range(int(sys.argv[1])):
    name = f"node-{at}"
    t = Template(Description=f"ECS task definition for {name}, with Envoy beside the application")
    t.set_version("2010-09-09")
    for parameter in ["MeshformProxyImage", "MeshformStore", "Cluster", "Namespace", "Registry"]:
        t.add_parameter(Parameter(parameter, Type="String", Description=parameter))
    for parameter, default in [("AppImage", "registry.example/app:7"), ("AssignPublicIp", "DISABLED"),
                               ("LaunchType", "FARGATE"), ("Cpu", "256"), ("Memory", "512")]:
        t.add_parameter(Parameter(parameter, Type="String", Default=default, Description=parameter))
    for parameter, default in [("DesiredCount", 1), ("LogRetentionDays", 30)]:
        t.add_parameter(Parameter(parameter, Type="Number", Default=default, Description=parameter))
    t.add_parameter(Parameter("Vpc", Type="AWS::EC2::VPC::Id", Description="Vpc"))
    t.add_parameter(Parameter("Subnets", Type="List<AWS::EC2::Subnet::Id>", Description="Subnets"))
    t.add_parameter(Parameter("MeshSecurityGroup", Type="AWS::EC2::SecurityGroup::Id", Description="MeshSecurityGroup"))
    t.add_condition("OwnRegistry", Equals(Ref("Registry"), ""))
    t.add_condition("Fargate", Equals(Ref("LaunchType"), "FARGATE"))
    t.add_resource(logs.LogGroup("Logs", DeletionPolicy="Delete", UpdateReplacePolicy="Delete",
                                 RetentionInDays=Ref("LogRetentionDays")))
    secret = f"arn:aws:secretsmanager:eu-central-1:111122223333:secret:{name}-AbCdEf"
    t.add_resource(iam.Role(
        "ExecutionRole", AssumeRolePolicyDocument=assumed(),
        ManagedPolicyArns=[Sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")],
        Policies=[iam.Policy(PolicyName="secrets", PolicyDocument={"Version": "2012-10-17", "Statement": [
            {"Sid": "ReadSecrets", "Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": [secret]}]})]))
    proxy = f"virtualNode/{name}"
    t.add_resource(iam.Role(
        "TaskRole", AssumeRolePolicyDocument=assumed(),
        Policies=[iam.Policy(PolicyName="proxy", PolicyDocument={"Version": "2012-10-17", "Statement": [
            {"Sid": "ReadConfiguration", "Effect": "Allow", "Action": ["s3:GetObject"],
             "Resource": objects("endpoints/*", f"proxies/{proxy}/*")},
            {"Sid": "WriteStatus", "Effect": "Allow", "Action": ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
             "Resource": objects(f"rejected/{proxy}/*", f"status/{proxy}/*")}]})]))
    t.add_resource(ec2.SecurityGroup(
        "SecurityGroup", GroupDescription=f"large-{name}", VpcId=Ref("Vpc"),
        SecurityGroupIngress=[ec2.SecurityGroupRule(
            IpProtocol="tcp", FromPort=8080, ToPort=8080, SourceSecurityGroupId=Ref("MeshSecurityGroup"))]))
    t.add_resource(sd.Service(
        "CloudMapService", Condition="OwnRegistry", Name=name, NamespaceId=Ref("Namespace"),
        DnsConfig=sd.DnsConfig(NamespaceId=Ref("Namespace"), DnsRecords=[sd.DnsRecord(Type="A", TTL="10")]),
        HealthCheckCustomConfig=sd.HealthCheckCustomConfig(FailureThreshold=1)))
    app = ecs.ContainerDefinition(
        Name="app", Image=Ref("AppImage"), Essential=True, StopTimeout=30, LogConfiguration=logged("app"),
        DependsOn=[ecs.ContainerDependency(ContainerName="envoy", Condition="HEALTHY")],
        Environment=[ecs.Environment(Name="REGION", Value="eu-central-1"), ecs.Environment(Name="STAGE", Value="production")],
        PortMappings=[ecs.PortMapping(ContainerPort=8080, Protocol="tcp")],
        Secrets=[ecs.Secret(Name="KEY", ValueFrom=secret)])
    envoy = ecs.ContainerDefinition(
        Name="envoy", Image=Ref("MeshformProxyImage"), Essential=True, User="1337", ReadonlyRootFilesystem=True,
        EntryPoint=["meshform-agent"], MemoryReservation=64, StopTimeout=40, LogConfiguration=logged("envoy"),
        Command=["run", "--", "envoy", "--log-level", "info", "--drain-time-s", "20"],
        Environment=[
            ecs.Environment(Name="AWS_REGION", Value=Ref("AWS::Region")),
            ecs.Environment(Name="MESHFORM_DIR", Value="/var/lib/meshform"),
            ecs.Environment(Name="MESHFORM_PROXY", Value=f"mesh/large/{proxy}"),
            ecs.Environment(Name="MESHFORM_STOP_TIMEOUT", Value="40"),
            ecs.Environment(Name="MESHFORM_STORE", Value=Sub("s3://${MeshformStore}"))],
        HealthCheck=ecs.HealthCheck(Command=["CMD", "meshform-agent", "health"], Interval=5, Retries=3, StartPeriod=10,
                                    Timeout=2),
        MountPoints=[ecs.MountPoint(ContainerPath="/var/lib/meshform", ReadOnly=False, SourceVolume="meshform")],
        PortMappings=[ecs.PortMapping(ContainerPort=port, Protocol="tcp") for port in (15000, 15001)],
        Ulimits=[ecs.Ulimit(Name="nofile", SoftLimit=15000, HardLimit=15000)])
    properties = {"AppPorts": "8080", "EgressIgnoredIPs": "169.254.169.254,169.254.170.2", "IgnoredUID": "1337",
                  "ProxyEgressPort": "15001", "ProxyIngressPort": "15000"}
    t.add_resource(ecs.TaskDefinition(
        "TaskDefinition", Family=f"large-{name}", NetworkMode="awsvpc", RequiresCompatibilities=["EC2", "FARGATE"],
        Cpu=Ref("Cpu"), Memory=Ref("Memory"), ExecutionRoleArn=GetAtt("ExecutionRole", "Arn"),
        TaskRoleArn=GetAtt("TaskRole", "Arn"), Volumes=[ecs.Volume(Name="meshform")],
        ContainerDefinitions=[app, envoy],
        ProxyConfiguration=ecs.ProxyConfiguration(
            Type="APPMESH", ContainerName="envoy",
            ProxyConfigurationProperties=[ecs.Environment(Name=n, Value=v) for n, v in properties.items()])))
    t.add_resource(ecs.Service(
        "Service", Cluster=Ref("Cluster"), TaskDefinition=Ref("TaskDefinition"), DesiredCount=Ref("DesiredCount"),
        LaunchType=Ref("LaunchType"), PropagateTags="SERVICE", PlatformVersion=If("Fargate", "LATEST", NoValue),
        DeploymentConfiguration=ecs.DeploymentConfiguration(
            MinimumHealthyPercent=100, MaximumPercent=200,
            DeploymentCircuitBreaker=ecs.DeploymentCircuitBreaker(Enable=True, Rollback=True)),
        NetworkConfiguration=ecs.NetworkConfiguration(AwsvpcConfiguration=ecs.AwsvpcConfiguration(
            AssignPublicIp=Ref("AssignPublicIp"), Subnets=Ref("Subnets"),
            SecurityGroups=[Ref("SecurityGroup"), Ref("MeshSecurityGroup")])),
        ServiceRegistries=[ecs.ServiceRegistry(
            RegistryArn=If("OwnRegistry", GetAtt("CloudMapService", "Arn"), Ref("Registry")))]))
    for output, value in [("TaskDefinitionArn", Ref("TaskDefinition")), ("ServiceName", GetAtt("Service", "Name")),
                          ("TaskRoleArn", GetAtt("TaskRole", "Arn")), ("SecurityGroup", Ref("SecurityGroup"))]:
        t.add_output(Output(output, Value=value, Description=output))
    os.makedirs(f"{folder}/large/{proxy}")
    with open(f"{folder}/large/{proxy}/stack.json", "w") as file:
        file.write(t.to_json())
