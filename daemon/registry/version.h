#pragma once

/* Kubernetes' order of API versions: v2 after v1, v1 after v1beta2, that after v1alpha1, and any
 * other word before all of them, by the alphabet. Returns less than, equal to, or more than 0.
 * (k8s.io/apimachinery, pkg/version: CompareKubeAwareVersionStrings.) Pure. */
int version_compare(const char *a, const char *b);
