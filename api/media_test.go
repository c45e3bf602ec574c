package api_test

