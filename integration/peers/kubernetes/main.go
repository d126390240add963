// Package main reads Kubernetes manifests from standard input with Kubernetes' own types: a field that they do not
// have, or a value of another type, is an error. It is a module of its own: the programs do not depend on Kubernetes.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	text, err := io.ReadAll(os.Stdin) // a test's own files
	if err == nil {
		err = check(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// check reads documents, and prints the kind and name of each.
func check(text []byte) error {
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var about struct {
			APIVersion, Kind string
			Metadata         struct{ Name string }
		}
		if err := yaml.Unmarshal(document, &about); err != nil {
			return err
		}
		kinds := map[string]any{"v1 Service": &corev1.Service{}, "v1 ConfigMap": &corev1.ConfigMap{}, "v1 Secret": &corev1.Secret{},
			"apps/v1 Deployment": &appsv1.Deployment{}, "apps/v1 DaemonSet": &appsv1.DaemonSet{}}
		kind := kinds[about.APIVersion+" "+about.Kind]
		if kind == nil {
			return fmt.Errorf("%s %s %q is not known here", about.APIVersion, about.Kind, about.Metadata.Name)
		}
		if err := yaml.UnmarshalStrict(document, kind); err != nil {
			return fmt.Errorf("%s %s: %w", about.Kind, about.Metadata.Name, err)
		}
		fmt.Println(about.Kind, about.Metadata.Name)
	}
	return nil
}
