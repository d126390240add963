package main

func drawCharts(from, folder string) error { return nil }
