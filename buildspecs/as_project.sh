# Sourced by a build of a tooling account: from here on it acts as the project, in that account and by its settings.
# AWS's tools assume the role by themselves, and anew when its hour is over.
AWS_CONFIG_FILE="$(mktemp)"
export AWS_CONFIG_FILE AWS_PROFILE=project
printf '[profile project]\nrole_arn = %s\nrole_session_name = build-%s\ncredential_source = EcsContainer\n' \
  "$PROJECT_ROLE_ARN" "${CODEBUILD_BUILD_ID##*:}" > "$AWS_CONFIG_FILE"
# What the development branch has of its own comes behind, and wins.
for kind in build ${PIPELINE_VARIANT:-}; do
  aws ssm get-parameter --name "/sagemaker-projects/$SAGEMAKER_PROJECT_ID/$kind/settings" \
    --query Parameter.Value --output text || return 1
done > settings.txt
while IFS= read -r setting; do export "${setting?}"; done < settings.txt
